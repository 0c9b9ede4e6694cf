"""A stored analysis checked by other methods, from its files alone."""
