"""Before any data: power, choice of settings and multiplier, and the forecast."""
