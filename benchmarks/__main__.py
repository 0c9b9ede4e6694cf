"""Run the benchmarks, print their tables, and keep them in results.json and README.md.

python -m benchmarks                     # a quick version of all, some minutes
python -m benchmarks --full              # everything, up to two hours
python -m benchmarks quantum simulation  # some of them; the others' results stay
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from importlib import import_module

from ._measure import CLOCKS, measure_by
from ._results import keep, write_readme

BENCHMARKS = (
    "quantum", "classical", "simulation", "sampling", "startup", "commands", "shots", "stopping", "trials", "coverage",
    "informed", "growth",
)  # fmt: skip
# One thread for everybody: set before numpy is first imported, which only the benchmarks themselves do.
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS")


def main() -> None:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; default: all")
    parser.add_argument("--full", action="store_true", help="larger sizes, more repeats, slower peers")
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="processor: for a machine that is busy")
    parser.add_argument("--tables", action="store_true", help="only make README.md's tables again")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(BENCHMARKS))
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    os.environ.update(dict.fromkeys(THREADS, "1"))
    for name in [] if options.tables else options.names or BENCHMARKS:
        measure_by(options.clock)
        begun = time.perf_counter()
        print(f"\n# {name}", file=sys.stderr, flush=True)
        section = import_module(f".bench_{name}", __package__).run(options.full, _say)
        print("\n\n".join(table.markdown() for table in section.tables), flush=True)
        for claim in section.claims:
            print(f"{'holds' if claim.holds else 'DOES NOT HOLD'}: {claim.text}: {claim.measured}", flush=True)
        keep(name, section, options.full, options.clock)
        _say(f"{time.perf_counter() - begun:.0f} s")
    write_readme(BENCHMARKS)


def _say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
