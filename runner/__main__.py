"""`python -m bellqueue.runner` is `bellqueue`."""

from .cli import main

main()
