"""`python -m bellqueue` is the command `bellqueue`."""

from .runner.commands.cli import main

main()
