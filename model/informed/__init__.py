"""The bound on every classical router that does not communicate: what routers that know the whole past can reach."""
