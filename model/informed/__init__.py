"""Routers that know the whole past: what they bound for every classical router, and what entangled ones reach."""
