"""What a run does nine tenths of its time for, done sketchily: figures, the context of reports, bounds."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

# One pixel, and a drawing of nothing.
_BLANK = {
    "png": bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
        "1f15c4890000000d49444154789c63600000000200015e22d3a50000000049454e44ae426082"
    ),
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>',
}


def sketch(replace: Callable[[Any, str, Any], object]) -> None:
    """Figures without ink, contexts of few points and pairs, coarse bounds; `replace` is a kind of setattr."""
    from bellqueue.analysis.replay import context
    from bellqueue.model.games import every_classical
    from matplotlib.figure import Figure

    def blank(figure: Figure, target: Any, *, format: str, **_: Any) -> None:  # matplotlib's own name
        content = _BLANK[format]
        target.write(content.decode() if isinstance(target, io.StringIO) else content)

    # The default scenario's bound is the same; a few others are coarser.
    replace(every_classical, "SECONDS", 1.0)
    replace(context, "PAIRS", 2_000)
    replace(context, "VISIBILITIES", 3)
    replace(context, "LOADS", (0.3,))
    replace(Figure, "savefig", blank)
