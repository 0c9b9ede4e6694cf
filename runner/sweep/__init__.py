"""Sweeps over grids of scenarios, resumable."""
