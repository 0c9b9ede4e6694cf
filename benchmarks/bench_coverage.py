"""How often confidence limits miss, and how much wider they are than normal ones."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from bellqueue.analysis.certificate.diagnostics import chsh
from bellqueue.analysis.certificate.estimates import observed_point, observed_visibility, score_excess
from bellqueue.analysis.certificate.samples import Sample
from bellqueue.model.estimate import Estimate
from bellqueue.model.games.frontiers import Frontiers
from bellqueue.model.scenario.file import Scenario
from bellqueue.model.trials import Counts, Sampling
from scipy.stats import binom, norm

from ._measure import Claim, Say, Section, Table
from ._trials import Floats, types_of
from .bench_trials import scenarios

SIGNIFICANCE = 0.05
TRIALS = (50, 200, 2000, 40_000)
VISIBILITIES = (0.75, 0.8, 0.9, 1.0)
WIDEST = 1.5  # times a normal interval, from 2000 trials on
REGION = 6  # limits that hold together: both of p, of W and of Δ


def cases() -> dict[str, Frontiers]:
    """Scenarios of two, three and five types."""
    record = Scenario.default().record()
    record["traffic"]["type"] = types_of({1.0: 0.5, 3.0: 0.3, 8.0: 0.2})
    known = {"two": Scenario.default(), "three": Scenario.parse(record), "five": scenarios()["five types"]}
    return {name: Frontiers(scenario.workload()) for name, scenario in known.items()}


def missed(
    frontiers: Frontiers, visibility: float, trials: int, experiments: int, seed: int
) -> dict[str, tuple[int, float, float]]:
    """Intervals of each quantity that miss the truth, their level, and their width over that of a normal one."""
    rng = np.random.default_rng([seed, trials, round(100 * visibility)])
    workload, multiplier = frontiers.workload, frontiers.classical_multiplier(0.5, 0.0)
    game = frontiers.game(multiplier)
    ideal, r = game.quantum_optimum.correlators, game.input_distribution
    c, joint, weights = visibility * ideal, workload.joint, workload.weights
    bound, best = game.bound("memoryless").high, float((game.matrix * ideal).sum())
    together, alone = SIGNIFICANCE / REGION, SIGNIFICANCE / 2
    # name: slope in c, constant, level of each side, what gives the interval
    asked: dict[str, tuple[Floats, float, float, Callable[[Sample], Estimate | None]]] = {
        "p": (-joint / 2, 0.5, together, lambda sample: observed_point(workload, sample, math.log(together))[0]),
        "W": (
            joint * weights / 2,
            workload.uncorrelated_waiting_time,
            together,
            lambda sample: observed_point(workload, sample, math.log(together))[1],
        ),
        "Δ": (game.matrix, -bound, alone, lambda sample: score_excess(game, sample, math.log(alone))),
        "visibility": (
            game.matrix / best,
            0.0,
            alone,
            lambda sample: observed_visibility(game, sample, ideal, math.log(alone))[0],
        ),
    }
    if game.matrix.shape == (2, 2):
        asked["S"] = (np.sign(ideal), 0.0, alone, lambda sample: chsh(sample, math.log(alone), ideal))
    found = {}
    for name, (slope, constant, level, interval) in asked.items():
        truth, misses, wider = constant + float((slope * c).sum()), 0, []
        for _ in range(experiments):
            counts = _drawn(c, r, trials, rng)
            limits = interval(Sample(counts, Sampling("random", r)))
            if limits is None:  # a setting of S was never drawn
                continue
            misses += not limits.low - 1e-9 <= truth <= limits.high + 1e-9
            with np.errstate(invalid="ignore", divide="ignore"):
                variance = np.where(slope == 0, 0.0, slope**2 * (1 - counts.correlators**2) / counts.settings)
            normal = 2 * float(norm.isf(level)) * math.sqrt(float(variance.sum()))
            wider.append((limits.high - limits.low) / normal if normal > 0 else math.inf)
        found[name] = misses, 2 * level, float(np.nanmedian(wider))
    return found


def _drawn(c: Floats, r: Floats, trials: int, rng: np.random.Generator) -> Counts:
    asked = rng.multinomial(trials, r.ravel()).reshape(r.shape)
    equal = rng.binomial(asked, (1 + c) / 2)
    table = np.zeros((*r.shape, 2, 2), dtype=np.int64)
    table[..., 0, 0], table[..., 0, 1] = equal, asked - equal
    return Counts(table)


def run(full: bool, say: Say) -> Section:
    """Fresh settings in proportion to the game, independent trials."""
    experiments = 4000 if full else 200
    rows, worst, widest, tests = [], 0.0, 0.0, 0
    for name, frontiers in cases().items():
        for trials in TRIALS:
            say(f"{name} types, {trials} trials")
            for visibility in VISIBILITIES:
                found = missed(frontiers, visibility, trials, experiments, 1)
                cells = [
                    f"{100 * misses / experiments:.2f} %" + (f" ({wide:.2f}×)" if math.isfinite(wide) else "")
                    for misses, _, wide in found.values()
                ]
                cells += ["–"] * (5 - len(cells))
                rows.append((name, str(trials), f"{visibility:g}", *cells))
                for quantity, (misses, level, wide) in found.items():
                    worst = max(worst, misses / experiments / level)
                    tests += misses > binom.ppf(1 - 1e-5, experiments, level)
                    if trials >= 2000 and quantity in ("p", "W"):
                        widest = max(widest, wide)
    headings = ("types", "trials", "visibility", "p", "W", "Δ", "visibility", "S")
    title = (
        f"Intervals that miss, of those said to miss in {100 * SIGNIFICANCE / 3:.2f} % (p, W) and "
        f"{100 * SIGNIFICANCE:g} % (Δ, visibility, S) of experiments; in brackets the width over a normal one's"
    )
    claims = [
        Claim("no interval misses more often than it says", f"at most {worst:.2f} of what it says", tests == 0),
        Claim(
            f"from 2000 trials on the intervals of p and W are at most {WIDEST:g} times a normal one",
            f"{widest:.2f} times",
            widest <= WIDEST,
        ),
    ]
    text = f"{experiments} experiments for each line and quantity, at significance {SIGNIFICANCE:g}."
    return Section("Coverage of confidence limits", text, [Table(title, headings, rows)], claims, ("numpy", "scipy"))
