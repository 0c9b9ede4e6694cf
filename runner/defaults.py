"""What the command line and the functions of Python take if nothing is said."""

DEFAULT_BACKEND = "fake:torino"
DEFAULT_POWER = 0.95
POLL_SECONDS = 30.0
