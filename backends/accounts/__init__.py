"""Credentials, their redaction, and what a job costs."""
