"""What a run does nine tenths of its time for, sketchily or once: figures, the context of reports, bounds, games."""

from __future__ import annotations

import functools
import io
import json
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


_MODELS: dict[str, Any] = {}  # of pairs of qubits, by their calibration


def keep_frontiers(replace: Callable[[Any, str, Any], object], known: dict[str, Any]) -> None:
    """Who asks for the frontiers of a workload that is `known` gets those, with all that was solved of them."""
    from bellqueue.model.games import every_classical
    from bellqueue.model.games.frontiers import Frontiers
    from bellqueue.model.scenario.file import Scenario

    find = Frontiers.of

    def kept(scenario: Scenario) -> Any:
        fresh = find(scenario)  # which solves nothing yet
        record = scenario.record()
        rests_on = [record.get(part) for part in ("traffic", "baseline", "bounds")]
        return known.setdefault(json.dumps([*rests_on, fresh.bell_pairs, every_classical.SECONDS]), fresh)

    replace(Frontiers, "of", kept)


def keep_pair_models(replace: Callable[[Any, str, Any], object]) -> None:
    """The noise model of a pair of qubits is built once for each calibration of theirs."""
    from bellqueue.backends.calibration import best_pair, parallel_pairs
    from bellqueue.backends.calibration.noise_model import reduced_target
    from bellqueue.backends.calibration.reading import PairCalibration

    build = best_pair.PairModel

    def kept(target: Any, calibration: PairCalibration) -> Any:
        gates = {frozenset(calibration.pair): calibration.gate}
        reduced = reduced_target(target, calibration.pair, gates)
        entries = {name: {str(qubits): str(props) for qubits, props in reduced[name].items()} for name in reduced}
        key = str((calibration, reduced.dt, reduced.qubit_properties, entries))
        if key not in _MODELS:
            _MODELS[key] = build(target, calibration)
        return _MODELS[key]

    for module in (best_pair, parallel_pairs):
        replace(module, "PairModel", kept)


def sketch(replace: Callable[[Any, str, Any], object]) -> None:
    """Figures without ink, contexts of few points and pairs, coarse bounds; `replace` is a kind of setattr."""
    coarsen(replace)
    leave_out_the_ink(replace)


def coarsen(replace: Callable[[Any, str, Any], object]) -> None:
    """The same with figures as they are."""
    from bellqueue.analysis.replay import context
    from bellqueue.model.games import every_classical

    # The default scenario's bound is the same; a few others are coarser.
    replace(every_classical, "SECONDS", 1.0)
    replace(context, "PAIRS", 2_000)
    replace(context, "VISIBILITIES", 3)
    replace(context, "LOADS", (0.3,))
    keep_pair_models(replace)


def build_commands_once(replace: Callable[[Any, str, Any], object]) -> None:
    """The tree of commands is made of their signatures at the first call, and not at every one."""
    from typer import main

    replace(main, "get_command", functools.cache(main.get_command))


def leave_out_the_ink(replace: Callable[[Any, str, Any], object]) -> None:
    """Figures are made, but drawings of them are blank."""
    from matplotlib.figure import Figure

    def blank(figure: Figure, target: Any, *, format: str, **_: Any) -> None:  # matplotlib's own name
        content = _BLANK[format]
        target.write(content.decode() if isinstance(target, io.StringIO) else content)

    replace(Figure, "savefig", blank)


def _remembering(optimum: Callable[..., Any]) -> Callable[..., Any]:
    """A function of a game and plain values; what it returned for the same game is returned again."""

    def remembered(game: Any, *rest: Any, best: Any = None) -> Any:
        given = {} if best is None else {"best": best}
        if sum(game.shape) > 100 or not all(each is None or isinstance(each, int) for each in rest):
            return optimum(game, *rest, **given)
        two = game.rank_two
        tables = (game.matrix,) if two is None else (two.left, two.core, two.right)
        key = (optimum.__name__, game.shape, game._magnitude, *rest, *(table.tobytes() for table in tables))
        if key not in _OPTIMA:
            found = optimum(game, *rest, **given)
            for vectors in (found.u, found.v):
                vectors.flags.writeable = False
            _OPTIMA[key] = found
        return _OPTIMA[key]

    return remembered


def solve_once(replace: Callable[[Any, str, Any], object]) -> None:
    """Frontiers do not solve a game that was solved before; `replace` is a kind of setattr."""
    from bellqueue.model.games import frontier, routing_game

    for module, name in (
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
