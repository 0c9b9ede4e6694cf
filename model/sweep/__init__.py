"""A grid of scenarios and what is worked out at each of its points."""
