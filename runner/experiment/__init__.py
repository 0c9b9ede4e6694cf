"""Runs: measured here or at a provider, kept in folders, analyzed again, listed and compared."""
