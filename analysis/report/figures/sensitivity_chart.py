"""How the advantage would change, on the page: with the visibility of the Bell pairs, and with the load."""

from __future__ import annotations

import numpy as np

from ...records.analysis_record import Analysis
from ...records.context_record import LoadSensitivity, VisibilitySensitivity
from .chart import Axis, Chart, Key, Panel, Reading, Series

_REDUCTION = "Largest reduction of mean waiting time"


def visibility_chart(analysis: Analysis, found: VisibilitySensitivity) -> Chart:
    """The largest reduction at each visibility, with the observed point and where the advantage begins."""
    low, high = _limits([*found.reduction_relative, analysis.advantage.waiting_time_reduction_relative.estimate])
    panel = Panel(
        "by-visibility",
        Axis("Visibility", found.visibility[0], max(found.visibility[-1], min(analysis.visibility.estimate, 1.1))),
        Axis(_REDUCTION, low, high, percent=True),
    )
    panel.guide(y=0.0, kind="zero")
    several = analysis.frontiers.bell_pairs is not None  # what is least over all strategies, this curve does not reach
    least = None if several else analysis.frontiers.least_visibility
    if least is not None:
        panel.guide(x=least, kind="guide")
    panel.line("quantum", found.visibility, found.reduction_relative)
    visibility, reduction = analysis.visibility, analysis.advantage.waiting_time_reduction_relative
    if analysis.planned:  # of counts without a plan nobody knows the bases, nor therefore the visibility
        panel.bar("observed", (visibility.low, visibility.high), (reduction.estimate, reduction.estimate))
        panel.bar("observed", (visibility.estimate, visibility.estimate), (reduction.low, reduction.high))
        panel.marks("observed", [visibility.estimate], [reduction.estimate], "circle", 4.5)
    if least is not None:
        x = float(panel.x.at(least))
        right = x < (panel.x.start + panel.x.end) / 2
        panel.note(
            x + (6 if right else -6),
            panel.y.end + 14,
            "advantage",
            f"beyond {least:.3f}",
            anchor="start" if right else "end",
        )
    described = (
        f"Largest relative reduction of waiting time against visibility from {found.visibility[0]:.3g} to 1, where it "
        f"is {100 * found.reduction_relative[-1]:.3g} %."
    )
    if analysis.planned:
        described += f" Observed: visibility {visibility.estimate:.4f}, reduction {100 * reduction.estimate:.3g} %."
    if least is not None:
        described += f" There is an advantage beyond visibility {least:.4f}."
    keys = [Key("quantum", "entanglement at its best operating point"), *([_OBSERVED] if analysis.planned else [])]
    start = int(np.abs(np.array(found.visibility) - visibility.estimate).argmin())
    series = [Series("quantum", "largest reduction", found.reduction_relative)]
    return Chart(
        (("", panel.picture(f"Advantage against visibility: {analysis.title}", described)),),
        keys,
        Reading("Visibility", found.visibility, start, series, [panel], percent=(False, True)),
    )


def load_chart(analysis: Analysis, found: LoadSensitivity) -> Chart:
    """The largest reduction at each load, ideal and at the visibility observed, with this scenario's load marked."""
    low, high = _limits([*found.ideal, *found.noisy])
    panel = Panel("by-load", Axis("Load of each server ρ", 0.0, 1.0), Axis(_REDUCTION, low, high, percent=True))
    panel.guide(y=0.0, kind="zero")
    panel.guide(x=analysis.frontiers.load)
    noisy = f"visibility {found.visibility:.3f}, {_known(analysis, found.visibility)}"
    panel.line("quantum", found.load, found.ideal)
    panel.line("noisy", found.load, found.noisy)
    panel.marks("noisy", found.load, found.noisy, "circle", 2.5)
    x = float(panel.x.at(analysis.frontiers.load))
    anchor, shift = ("start", 6) if x < (panel.x.start + panel.x.end) / 2 else ("end", -6)
    panel.note(x + shift, panel.y.end + 14, f"this scenario: {analysis.frontiers.load:.3g}", anchor=anchor)
    described = (
        f"Largest relative reduction of waiting time at loads from {found.load[0]:.3g} to {found.load[-1]:.3g}: ideal "
        f"from {100 * found.ideal[0]:.3g} to {100 * found.ideal[-1]:.3g} %, at visibility {found.visibility:.3f} from "
        f"{100 * found.noisy[0]:.3g} to {100 * found.noisy[-1]:.3g} %. This scenario's load is "
        f"{analysis.frontiers.load:.3g}."
    )
    keys = [Key("quantum", "ideal entanglement"), Key("noisy", noisy, mark="circle")]
    series = [Series("quantum", "ideal", found.ideal), Series("noisy", noisy, found.noisy)]
    start = int(np.abs(np.array(found.load) - analysis.frontiers.load).argmin())
    return Chart(
        (("", panel.picture(f"Advantage against load: {analysis.title}", described)),),
        keys,
        Reading("Load ρ", found.load, start, series, [panel], percent=(False, True)),
    )


def _known(analysis: Analysis, visibility: float) -> str:
    """Where the visibility of a curve comes from."""
    estimate = analysis.visibility.estimate
    if not np.isclose(estimate, visibility, atol=1e-6):  # a score above or below what Bell pairs can have
        return f"the nearest to {estimate:.3f} observed"
    return "as observed" if analysis.planned else "the least that fits the counts"


_OBSERVED = Key("observed", "observed, with its confidence limits", line=False, mark="circle")


def _limits(values: list[float]) -> tuple[float, float]:
    """The range of the values, 0 inside it, with a margin; far below 0 is not of interest."""
    top = max(*values, 1e-4)
    bottom = max(min(*values, 0.0), -0.6 * top)
    margin = 0.06 * (top - bottom)
    return bottom - margin, top + 2 * margin
