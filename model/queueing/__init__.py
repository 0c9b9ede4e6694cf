"""The queueing model: traffic, service times, baseline rewards, waiting-time formulas and their simulation."""
