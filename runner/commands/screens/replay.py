"""A replay as a table for a terminal, with what the order of the trials tells below it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group
from rich.table import Table

from ....analysis.menus.replay import MenuReplay
from ....analysis.records.percent import percent_text
from ....analysis.records.printable import signs
from ....analysis.replay.drift import DriftTest, MemoryTest
from ....analysis.replay.replay import (
    PERCENTS,
    Formula,
    Replay,
    ReplayedRun,
    distribution_of,
    percentile,
    percentile_difference,
)
from ....model.estimate import significant
from ....model.queueing.simulation import CommonArrivals, SimulatedEstimate

_LEGEND = "Below each figure its 95 % confidence interval by batch means{}; times in units of time. Seed {}."
_FORMULA = " and the formula's value (of the measured correlators, or of the strategy)"


def replay_table(replay: Replay | MenuReplay) -> Group:
    """The replay beside the classical simulation, formulas if there are any, and what the order of the trials tells."""
    if isinstance(replay, MenuReplay):
        compared = "by the recorded outcomes of the menu{}, and by the best classical routers that know the past"
        table, below = _table(replay.comparison, replay.cycled, compared), _menu_sentences(replay)
        return Group(table, "", *map(signs, [*below, _LEGEND.format("", replay.seed)]))
    compared = "by the recorded trials{}, and by the best classical strategy of the class at equal throughput"
    table = _table(replay.comparison, replay.cycled, compared, replay.formulas)
    return Group(table, "", *map(signs, [*_sentences(replay), _LEGEND.format(_FORMULA, replay.seed)]))


def _table(comparison: CommonArrivals, cycled: bool, compared: str, formulas: Sequence[Formula] = ()) -> Table:
    """The first two routings of a comparison, and what lies between them."""
    table = Table("", "replayed trials", "best classical", "difference", box=None, pad_edge=False)
    pair = comparison.results[:2]
    how = compared.format(", recorded outcomes used more than once" if cycled else "")
    table.title = f"{pair[0].pairs} simulated pairs routed {how} on the same arrivals"
    table.title_justify = "left"
    waiting = comparison.waiting_time_difference(0, 1)
    throughput = comparison.baseline_throughput_difference(0, 1)

    def row(
        name: str, values: list[SimulatedEstimate], formula: str | None, apart: SimulatedEstimate | None = None
    ) -> None:
        """Both simulations with intervals, and formulas if there are any, and what lies between them."""
        known = [getattr(each, formula) for each in formulas[:2]] if formula else []
        cells = [f"{value.estimate:.5g}\n{_span(value.low, value.high, 5)}" for value in values]
        difference = "" if apart is None else f"{apart.estimate:.4g}\n{_span(apart.low, apart.high, 4)}"
        if known:
            cells = [f"{cell}\nformula {value:.5g}" for cell, value in zip(cells, known, strict=True)]
            difference += f"\nformula {known[0] - known[1]:.4g}" if apart else ""
        table.add_row(name, *map(signs, [*cells, difference]))

    row("splitting probability", [each.splitting_probability for each in pair], "splitting_probability")
    row("mean waiting time", [each.waiting_time for each in pair], "waiting_time", waiting)
    distributions = distribution_of(pair[0]), distribution_of(pair[1])
    for percent in PERCENTS:
        ends = [percentile(each, percent / 100) for each in distributions]
        row(f"{percent} % wait at most", ends, None, percentile_difference(*distributions, percent / 100))
    row("baseline throughput", [each.baseline_throughput for each in pair], "baseline_throughput", throughput)
    for server in (0, 1):
        earned = [each.server_baseline_throughput[server] for each in pair]
        row(f"    of server {server}", earned, "server_baseline_throughput")
    for server in (0, 1):
        row(f"load of server {server}", [each.load[server] for each in pair], "load")
    return table


def _sentences(replay: Replay) -> list[str]:
    """The sentences below the table."""
    waiting = replay.comparison.waiting_time_difference(1, 0)
    share = waiting.estimate / replay.classical.waiting_time.estimate if replay.classical.waiting_time.estimate else 0.0
    verb = "less" if waiting.estimate >= 0 else "more"
    communication = replay.comparison.results[2].waiting_time.estimate
    lines = [
        f"The replayed trials wait {verb} by {_size(waiting)}, {percent_text(abs(share))}; with communication the mean "
        f"is {communication:.4g} (formula {replay.formulas[2].waiting_time:.4g}).",
        *_order(replay.drift, replay.memory),
    ]
    if replay.order_effect:
        effect = replay.order_effect.waiting_time
        lines.append(
            f"order: against the same outcomes shuffled within each setting the mean wait changes by "
            f"{effect.estimate:+.2g} ({_span(effect.low, effect.high, 2)}) over {replay.order_effect.pairs} pairs"
        )
    return [*lines, *_noted(replay)]


def _menu_sentences(replay: MenuReplay) -> list[str]:
    """The sentences below the table of a menu."""
    cost, order = replay.comparison.cost_difference(1, 0, replay.kappa), replay.comparison.waiting_time_difference(0, 2)
    used, rest = map(percent_text, replay.entry_shares), percent_text(1 - sum(replay.entry_shares))
    return [
        "Neither is made to do as much background work as the other: do not compare the waits alone.",
        f"If a unit of background work is worth κ = {replay.kappa:.4g} of waiting, the replayed "
        f"outcomes are {'better' if cost.estimate >= 0 else 'worse'} by {_size(cost)} of waiting.",
        f"Pairs of requests by entry of the menu: {', '.join(used)}; by classical maps: {rest}.",
        *_order(replay.drift, replay.memory),
        f"order: against independent outcomes of the probabilities measured the mean wait changes by "
        f"{order.estimate:+.2g} ({_span(order.low, order.high, 2)})",
        *_noted(replay),
    ]


def _size(difference: SimulatedEstimate) -> str:
    """How much it is, whatever its sign, and its interval."""
    low, high = sorted(abs(end) for end in (difference.low, difference.high))
    span = _span(low, high, 4) if difference.low * difference.high > 0 else "not significantly"
    return f"{abs(difference.estimate):.4g} ({span})"


def _order(drift: DriftTest | None, memory: MemoryTest | None) -> list[str]:
    return [f"drift: {_drift_sentence(drift)}", f"memory: {_memory_sentence(memory)}"]


def _noted(replay: ReplayedRun) -> list[str]:
    notes = [replay.remark] if replay.remark else []
    if replay.lost:
        notes.append(
            f"the {replay.lost} trials that were lost route no pair: whoever loses trials on purpose looks better here "
            "than in the certificate, which counts them as the worst they may have been"
        )
    return [f"note: {note}" for note in notes]


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
