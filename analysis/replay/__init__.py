"""Recorded trials in their order: drift and memory."""
