"""A replay as a table for a terminal, with what the order of the trials tells below it."""

from __future__ import annotations

from rich.console import Group
from rich.table import Table

from ....analysis.records.percent import percent_text
from ....analysis.records.printable import signs
from ....analysis.replay.drift import DriftTest, MemoryTest
from ....analysis.replay.replay import PERCENTS, Replay, distribution_of, percentile, percentile_difference
from ....model.estimate import significant
from ....model.queueing.simulation import SimulatedEstimate


def replay_table(replay: Replay) -> Group:
    """The replay beside the classical simulation and the formulas, and what the order of the trials tells."""
    table = Table("", "replayed trials", "best classical", "difference", box=None, pad_edge=False)
    reused = ", recorded outcomes used more than once" if replay.cycled else ""
    table.title = (
        f"{replay.replayed.pairs} simulated pairs routed by the recorded trials{reused}, and by the best classical "
        "strategy of the class at equal throughput on the same arrivals"
    )
    table.title_justify = "left"
    pair = replay.replayed, replay.classical
    waiting = replay.comparison.waiting_time_difference(0, 1)
    throughput = replay.comparison.baseline_throughput_difference(0, 1)
    _add(table, "splitting probability", [each.splitting_probability for each in pair], replay, "splitting_probability")
    _add(table, "mean waiting time", [each.waiting_time for each in pair], replay, "waiting_time", waiting)
    distributions = distribution_of(pair[0]), distribution_of(pair[1])
    for percent in PERCENTS:
        ends = [percentile(each, percent / 100) for each in distributions]
        apart = percentile_difference(*distributions, percent / 100)
        _add(table, f"{percent} % wait at most", ends, replay, None, apart)
    earned = [each.baseline_throughput for each in pair]
    _add(table, "baseline throughput", earned, replay, "baseline_throughput", throughput)
    for server in (0, 1):
        earned = [each.server_baseline_throughput[server] for each in pair]
        _add(table, f"    of server {server}", earned, replay, "server_baseline_throughput")
    for server in (0, 1):
        _add(table, f"load of server {server}", [each.load[server] for each in pair], replay, "load")
    return Group(table, "", *map(signs, _sentences(replay)))


def _sentences(replay: Replay) -> list[str]:
    """What stands below the table."""
    waiting = replay.comparison.waiting_time_difference(1, 0)
    share = waiting.estimate / replay.classical.waiting_time.estimate if replay.classical.waiting_time.estimate else 0.0
    verb = "less" if waiting.estimate >= 0 else "more"
    low, high = sorted(abs(end) for end in (waiting.low, waiting.high))
    size = f"{abs(waiting.estimate):.4g}"
    span = _span(low, high, 4) if waiting.low * waiting.high > 0 else "not significantly"
    communication = replay.comparison.results[2].waiting_time.estimate
    lines = [
        f"The replayed trials wait {verb} by {size} ({span}), {percent_text(abs(share))}; with communication the mean "
        f"is {communication:.4g} (formula {replay.formulas[2].waiting_time:.4g}).",
        f"drift: {_drift_sentence(replay.drift)}",
        f"memory: {_memory_sentence(replay.memory)}",
    ]
    if replay.order_effect:
        effect = replay.order_effect.waiting_time
        lines.append(
            f"order: against the same outcomes shuffled within each setting the mean wait changes by "
            f"{effect.estimate:+.2g} ({_span(effect.low, effect.high, 2)}) over {replay.order_effect.pairs} pairs"
        )
    if replay.remark:
        lines.append(f"note: {replay.remark}")
    lines.append(
        "Below each figure its 95 % confidence interval by batch means and the formula's value (of the measured "
        f"correlators, or of the strategy); times in units of time. Seed {replay.seed}."
    )
    return lines


def _span(low: float, high: float, digits: int) -> str:
    """An interval, its ends rounded outward."""
    return f"{significant(low, digits, 'down')}…{significant(high, digits, 'up')}"


def _drift_sentence(test: DriftTest | None) -> str:
    if test is None:
        return "cannot be told from these trials"
    return (
        f"log10 p = {test.log10_p_value:.1f}, {_alarm(test.alarm)}; from start to end the correlators changed by "
        f"{100 * test.change:+.1f} % ± {100 * test.change_error:.1f} % of themselves"
    )


def _memory_sentence(test: MemoryTest | None) -> str:
    if test is None:
        return "cannot be told from these trials"
    clearest = f"clearest at lag {test.lag}: {test.pattern}, correlation {test.correlation:+.3f}"
    lags = len(test.log10_p_values)
    return f"log10 p = {test.log10_p_value:.1f} over lags 1 to {lags}, {_alarm(test.alarm)}; {clearest}"


def _alarm(alarm: bool) -> str:
    return "ALARM" if alarm else "no alarm"


def _add(
    table: Table,
    name: str,
    values: list[SimulatedEstimate],
    replay: Replay,
    formula: str | None,
    apart: SimulatedEstimate | None = None,
) -> None:
    """A row: both simulations with intervals and formulas, and what lies between them."""
    cells = [f"{value.estimate:.5g}\n{_span(value.low, value.high, 5)}" for value in values]
    difference = "" if apart is None else f"{apart.estimate:.4g}\n{_span(apart.low, apart.high, 4)}"
    if formula:
        known = [getattr(each, formula) for each in replay.formulas[:2]]
        cells = [f"{cell}\nformula {value:.5g}" for cell, value in zip(cells, known, strict=True)]
        difference += f"\nformula {known[0] - known[1]:.4g}" if apart else ""
    table.add_row(name, *map(signs, [*cells, difference]))
