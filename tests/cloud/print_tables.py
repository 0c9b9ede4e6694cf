"""`python -m tests.cloud.print_tables`: both matrices as tables; exit code 1 if a cell is wrong."""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor

from rich.console import Console
from rich.table import Table

from .matrix import BREAKS, CRASHES, Break, Crash, Outcome, Workers
from .providers import PROVIDERS

WORKERS = 3  # on two cores, as a cell waits much of its time
TITLES = {
    Crash: "bellqueue run is killed; then one bellqueue fetch",
    Break: "the provider breaks under bellqueue run; then, if need be, one bellqueue fetch",
}


def main() -> int:
    """Run every cell and print what happened; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fresh", action="store_true", help="an interpreter for every command, not a fork: minutes")
    fresh = parser.parse_args().fresh
    with Workers(WORKERS, fresh=fresh) as workers, ThreadPoolExecutor(WORKERS) as threads:
        futures = {
            (cell, provider): threads.submit(workers.run, cell, provider)
            for cell in (*CRASHES, *BREAKS)
            for provider in PROVIDERS
        }
        outcomes = {place: future.result() for place, future in futures.items()}
    console = Console(width=None if sys.stdout.isatty() else 150)
    for cells in (CRASHES, BREAKS):
        table = Table("", *PROVIDERS, title=TITLES[type(cells[0])], title_justify="left")
        for cell in cells:
            table.add_row(cell.name, *(_shown(outcomes[cell, provider]) for provider in PROVIDERS))
        console.print(table)
    wrong = {place: outcome.wrong for place, outcome in outcomes.items() if outcome.wrong}
    for (cell, provider), facts in wrong.items():
        for fact in facts:
            print(f"{cell.name}, {provider}: {fact}", file=sys.stderr)
    return 1 if wrong else 0


def _shown(outcome: Outcome) -> str:
    return f"[red]WRONG: {outcome.happened}[/red]" if outcome.wrong else outcome.happened


if __name__ == "__main__":
    sys.exit(main())
