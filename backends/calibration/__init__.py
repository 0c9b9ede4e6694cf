"""From a device's calibration to its best pairs, their noise model and a prediction."""
