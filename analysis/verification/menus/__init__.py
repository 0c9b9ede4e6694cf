"""A stored analysis of routers that know the past, checked by other methods."""
