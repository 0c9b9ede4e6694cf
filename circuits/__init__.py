"""From a measurement strategy to angles, settings and parametrised Bell circuits."""
