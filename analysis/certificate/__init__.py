"""Estimates, p-values, confidence limits and diagnostics of one experiment."""
