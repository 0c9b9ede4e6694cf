"""`python -m bellqueue.runner` is `bellqueue`."""

from .commands.cli import main

main()
