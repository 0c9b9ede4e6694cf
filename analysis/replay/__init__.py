"""Replay of recorded trials, drift and memory in their order, and the report's simulated context and sensitivity."""
