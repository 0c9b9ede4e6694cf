"""Wider classes of routers, found numerically."""
