"""What a run does nine tenths of its time for, sketchily or once: figures, the context of reports, bounds, games."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

_OPTIMA: dict[tuple[object, ...], Any] = {}  # by game, to the last bit

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

    # The default scenario's bound is the same; a few others are coarser.
    replace(every_classical, "SECONDS", 1.0)
    replace(context, "PAIRS", 2_000)
    replace(context, "VISIBILITIES", 3)
    replace(context, "LOADS", (0.3,))
    leave_out_the_ink(replace)


def leave_out_the_ink(replace: Callable[[Any, str, Any], object]) -> None:
    """Figures are made, but drawings of them are blank."""
    from matplotlib.figure import Figure

    def blank(figure: Figure, target: Any, *, format: str, **_: Any) -> None:  # matplotlib's own name
        content = _BLANK[format]
        target.write(content.decode() if isinstance(target, io.StringIO) else content)

    replace(Figure, "savefig", blank)


def _remembering(optimum: Callable[..., Any]) -> Callable[..., Any]:
    """A function of a game and plain values; what it returned for the same game is returned again."""

    def remembered(game: Any, *rest: Any) -> Any:
        if sum(game.shape) > 100 or not all(each is None or isinstance(each, int) for each in rest):
            return optimum(game, *rest)
        two = game.rank_two
        tables = (game.matrix,) if two is None else (two.left, two.core, two.right)
        key = (optimum.__name__, game.shape, game._magnitude, *rest, *(table.tobytes() for table in tables))
        if key not in _OPTIMA:
            found = optimum(game, *rest)
            for vectors in (found.u, found.v):
                vectors.flags.writeable = False
            _OPTIMA[key] = found
        return _OPTIMA[key]

    return remembered


def solve_once(replace: Callable[[Any, str, Any], object]) -> None:
    """Frontiers do not solve a game that was solved before; `replace` is a kind of setattr."""
    from bellqueue.model.games import frontier, routing_game

    for module, name in (
        (frontier, "quantum_optimum"),
        (frontier, "optimum_within"),
        (routing_game, "quantum_optimum"),
    ):
        if (known := getattr(module, name)).__name__ != "remembered":
            replace(module, name, _remembering(known))


@contextmanager
def solving_once() -> Iterator[None]:
    """`solve_once` outside of tests."""
    with pytest.MonkeyPatch.context() as patch:
        solve_once(patch.setattr)
        yield
