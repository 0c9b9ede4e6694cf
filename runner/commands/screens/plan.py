"""A forecast and a ranking of devices as a terminal shows them; legible at 80 columns and without colour."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from ....analysis.design.promise import Promise, Reach
from ....analysis.design.records import DeviceRecord, ForecastRecord, RankedDevice, RankingRecord
from ....analysis.records.percent import chance_text, percent_text
from ....analysis.records.printable import signs
from ....analysis.report.tables.analysis import LATENCY
from ....analysis.report.tables.section import NONE, estimate_cell
from ....model.printable import printable
from .sections import Fitting
from .wording import cost_text, pair_text, qubits_text

_LATENCY = f"{LATENCY} Fibre: if traffic.time_unit_seconds is given."
MAX_SETTINGS = 3  # types per router up to which the shares of the settings are shown


def forecast_table(record: ForecastRecord) -> RenderableType:
    """Go or no-go, what would change it, then the numbers behind it."""
    parts: list[RenderableType] = [Text(record.verdict, style="bold")]
    if record.changes:
        parts += [Text(), Text("What would change it:"), _list(record.changes)]
    parts += [Text(), Text(printable(f"Scenario: {record.title}. {_told(record.device)}"))]
    parts += [Text(f"Note: {each}") for each in filter(None, [record.forecast.why_memoryless, *record.warnings])]
    tables = (_expected(record), _promise(record), _certifying(record), _latency(record))
    return Group(*parts, Text(), *map(Fitting, tables), Text(_LATENCY))


def ranking_table(record: RankingRecord) -> RenderableType:
    """Every device, the soonest to certify first."""
    paid = any(each.cost for each in record.ranked)
    numbers = "visibility", "CHSH", "waits less:\nevery", "\nmemoryless", "trials\nneeded", "chance"
    table = Table(
        *(Column(name, no_wrap=True) for name in ("backend", "pair")),
        *(Column(name, justify="right", no_wrap=True) for name in numbers),
        *((Column("cost", justify="right"),) if paid else ()),
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    for each in record.ranked:
        table.add_row(*map(Text, _ranked(each, paid)))
    asked = f"{100 * record.power:g} %"
    cost = f"; cost: of {record.shots} trials" if paid else ""
    notes = [
        "Predicted from each device's calibration, for its best pair of qubits. Waits less: waiting time saved at "
        "equal throughput against every classical router, and against memoryless ones. Trials needed: to certify with "
        f"probability {asked} at significance {record.significance:g} against every classical router, or (m) where "
        f"that is out of reach, against memoryless ones. Chance: that the scenario's {record.shots} trials certify"
        f"{cost}."
    ]
    title = f"GO on {record.able} of {len(record.ranked)} backends" if record.go else "NO-GO on every backend"
    verdict = Text(f"{title}: {printable(record.title)}.", style="bold")
    parts: list[RenderableType] = [verdict, Text(), Fitting(table), *notes]
    if record.failed:
        parts += [Text(), Text("Not ranked:"), _list([f"{each.name}: {each.reason}" for each in record.failed])]
    parts += [Text(), verdict]
    return Group(*(Text(part) if isinstance(part, str) else part for part in parts))


def _told(device: DeviceRecord) -> str:
    """Where, in a sentence."""
    chsh = "" if device.chsh is None else f", CHSH S {device.chsh:.3f}"
    if device.device == "none":
        return f"Predicted for {device.name}{chsh}."
    visibility = "" if device.visibility is None else f", visibility {device.visibility:.4f}"
    return f"Predicted for {device.name}{qubits_text(device)}{visibility}{chsh}."


def _expected(record: ForecastRecord) -> Table:
    expected, wider = record.forecast.expected, record.forecast.every_classical
    rows = [
        ("splitting probability p", expected.splitting_probability, False),
        ("waiting time W (units of time)", expected.waiting_time, False),
        ("baseline throughput τ", expected.baseline_throughput, False),
    ]
    of = [("memoryless routers", expected), *([("every classical router", wider)] if wider else [])]
    for name, gain in reversed(of):
        rows += [
            (f"against {name}: waiting time saved", gain.waiting_time_reduction, False),
            ("    the same, as a share", gain.waiting_time_reduction_relative, True),
            ("    throughput gained at equal waiting time", gain.throughput_gain_relative, True),
        ]
    table = _table(f"What {record.forecast.shots} trials should show", "", "predicted", "95 % of such runs")
    for name, value, percent in rows:
        cell = estimate_cell(value, percent=percent)
        table.add_row(name, signs(cell.value), signs(cell.limits))
    return table


def _promise(record: ForecastRecord) -> Table:
    """Quantum, classical and communicating routers where one number is the same for all."""
    promise = record.forecast.promise
    waiting = promise.kind == "waiting_time"
    held = f"waiting time W = {promise.value:.6g}" if waiting else f"splitting probability p = {promise.value:.6g}"
    tau = promise.classical.baseline_throughput
    if not waiting and tau is not None:
        held += f", so equal throughput τ = {tau:.6g}"
    title = f"What entanglement buys at the {'promised' if promise.promised else 'predicted'} {held}"
    columns = ("least p", "throughput τ") if waiting else ("waiting time W",)
    table = _table(title, "", *columns, "against classical")
    for name, reach in (
        ("quantum, without noise", promise.quantum_ideal),
        ("quantum, as predicted", promise.quantum_predicted),
        ("classical", promise.classical),
        ("with communication, no delay", promise.communication),
    ):
        table.add_row(name, *_reached(promise, reach))
    return table


def _reached(promise: Promise, reach: Reach) -> tuple[str, ...]:
    p, waiting, tau = reach.splitting_probability, reach.waiting_time, reach.baseline_throughput
    classical = promise.classical
    if p is None or waiting is None or tau is None:
        return (NONE, NONE, "out of reach")[0 if promise.kind == "waiting_time" else 1 :]
    if promise.kind == "waiting_time":
        assert classical.baseline_throughput is not None  # a promised waiting time is within every class's reach
        return f"{p:.5f}", f"{tau:.6g}", _change(tau / classical.baseline_throughput - 1, reach is classical)
    assert classical.waiting_time is not None  # as every splitting probability is
    return f"{waiting:.6g}", _change(waiting / classical.waiting_time - 1, reach is classical)


def _change(share: float, same: bool) -> str:
    return NONE if same else signs(f"{100 * share:+.2f} %")


def _certifying(record: ForecastRecord) -> Table:
    found, design = record.forecast, record.forecast.design
    asked = f"{100 * found.power:g} %"
    table = _table(f"Certifying at significance {record.significance:g}", "", "")
    table.show_header = False
    table.add_row(f"chance that {found.shots} trials certify", chance_text(found.predicted_power))
    if design is None or design.trials is None:
        table.add_row(f"trials needed for {asked}", "no number is enough")
    else:
        table.add_row(f"trials needed for {asked}", f"{design.trials}  ({design.method})")
        if found.information and found.information.score:
            limit = -math.log(record.significance) / found.information.score
            ratio = f"the plan takes {design.trials / limit:.2f} times that"
            table.add_row("    information limit of the score", f"{limit:.0f}  ({ratio})")
        if found.information and found.information.local and found.information.local_at_best_settings:
            rates = found.information.local, found.information.local_at_best_settings
            local, best = (f"{-math.log(record.significance) / rate:.0f}" for rate in rates)
            table.add_row("    to refute local correlators alone", f"{local}  ({best} with the settings best for that)")
        if found.naive_trials is None:
            table.add_row("    even settings, noise ignored", "no number is enough")
        else:
            more = f"{found.naive_trials}  ({found.naive_trials / design.trials:.2f} times as many)"
            table.add_row("    even settings, noise ignored", more)
        if found.free_trials is not None and found.free_trials < design.trials:
            other = f"{found.free_trials}  (multiplier = {found.free_multiplier:.6g})"
            table.add_row("    with the soonest strategy", other)
        beaten = "every classical router" if design.against == "every-classical" else "memoryless routers only"
        table.add_row("to be beaten", beaten)
        table.add_row("multiplier μ of the certificate", f"{design.certificate_multiplier:.6g}")
        table.add_row("settings, drawn for every trial", _settings(design.input_distribution))
    for cost in filter(None, (record.cost, record.cost_needed)):
        table.add_row(f"cost of {cost.shots} trials", cost_text(cost))
    if record.cost is not None:
        table.add_row("    by", record.cost.basis)
    return table


def _settings(distribution: Sequence[Sequence[float]]) -> str:
    """r(x,y) row by row, where there are few."""
    if max(len(distribution), len(distribution[0])) > MAX_SETTINGS:
        return f"{len(distribution)}×{len(distribution[0])} pairs of types, shares in the JSON record"
    return " / ".join(", ".join(f"{100 * share:.1f} %" for share in row) for row in distribution)


def _latency(record: ForecastRecord) -> Table:
    """Beyond which latency entanglement beats talking."""
    found = record.forecast
    table = _table("Break-even with routers that talk", "", "one-way latency (units of time)", "fibre")
    for name, latency, distance in (
        ("without noise", found.latency_ideal, record.distance_ideal_km),
        ("as predicted", found.latency_predicted, record.distance_predicted_km),
    ):
        told = "none: classical routers wait less" if latency is None else f"{latency:.4g}"
        table.add_row(name, told, NONE if distance is None else f"{distance:.4g} km")
    return table


def _ranked(each: RankedDevice, paid: bool) -> tuple[str, ...]:
    device = each.device
    return (
        device.name,
        pair_text(device.pair),
        "" if device.visibility is None else f"{device.visibility:.4f}",
        "" if device.chsh is None else f"{device.chsh:.3f}",
        *_reductions(each),
        "never" if each.trials is None else f"{each.trials}{'' if each.against == 'every-classical' else ' (m)'}",
        chance_text(each.predicted_power).replace("over ", ">").replace("under ", "<"),
        *(("" if each.cost is None else cost_text(each.cost),) if paid else ()),
    )


def _reductions(each: RankedDevice) -> tuple[str, str]:
    wider = each.every_classical_reduction_relative
    told = NONE if wider is None else percent_text(wider)
    return signs(told), signs(percent_text(each.waiting_time_reduction_relative))


def _list(sentences: Sequence[str]) -> Table:
    """One under the other, each with a dash."""
    grid = Table.grid(padding=(0, 1))
    for sentence in sentences:
        grid.add_row(Text(" -"), Text(printable(sentence)))
    return grid


def _table(title: str, *columns: str) -> Table:
    table = Table(title=Text(title, style="bold"), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(Text(column), overflow="fold")
    return table
