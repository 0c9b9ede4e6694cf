"""Experiments of routers that know the past: a menu of bases is measured, and what it makes of the queues certified."""
