"""What one Bell pair, those in use and those of the best strategy reach, as a section of text."""

from __future__ import annotations

from ...records.bell_pairs import BellPairs
from ...records.percent import share_text
from .section import NONE, Cell, Section


def bell_pairs_section(found: BellPairs) -> Section:
    """What one Bell pair, those in use and those of the best strategy reach."""
    in_use = ("in use", found.used, found.waiting_time_used, found.share_used)
    rows = [
        ("one alone", 1, found.waiting_time_one_pair, found.share_one_pair),
        *([in_use] if found.used > 1 else []),
        ("best entangled strategy", found.needed, found.waiting_time_best, None if found.share_used is None else 1.0),
    ]
    return Section(
        f"Bell pairs for each pair of requests, at p = {found.splitting_probability:.4f}",
        ("", "Bell pairs", "W", "share of the advantage"),
        tuple(
            (name, (Cell(f"{pairs}"), Cell(f"{waiting:.6g}"), Cell(NONE if share is None else share_text(share))))
            for name, pairs, waiting, share in rows
        ),
        f"{found.sentence()} Classical routers wait at least {found.waiting_time_classical:.6g} at that p.",
    )
