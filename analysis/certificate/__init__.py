"""Estimates, p-values, confidence limits and diagnostics of one experiment, and when it may stop."""
