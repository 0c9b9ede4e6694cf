"""A stored analysis checked by code of its own, and against a fresh analysis that the caller makes."""
