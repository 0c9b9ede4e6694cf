"""Figures: what they show, deterministic files, SVG fit for a page."""

from __future__ import annotations

import errno
import io
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import matplotlib
import matplotlib.image
import numpy as np
import pytest
from bellqueue.analysis.records.analysis_record import Analysis
from bellqueue.analysis.records.every_classical import Informed, InformedLoad, InformedPoint
from bellqueue.analysis.report.figures.correlators import correlator_figure
from bellqueue.analysis.report.figures.drawing import save, svg_text
from bellqueue.analysis.report.figures.frontiers import frontier_figure
from bellqueue.analysis.report.figures.informed import informed_figure
from bellqueue.model.errors import OutputError
from bellqueue.model.estimate import Estimate
from matplotlib.figure import Figure

from tests.analysis.conftest import HOSTILE_TYPES

NAMESPACE = "{http://www.w3.org/2000/svg}"


def _texts(figure: Figure) -> str:
    return " ".join("".join(element.itertext()) for element in ElementTree.fromstring(svg_text(figure)).iter())


def _line(figure: Figure, start: str, panel: int = 0) -> tuple[np.ndarray, np.ndarray]:
    line = next(line for line in figure.axes[panel].lines if str(line.get_label()).startswith(start))
    return np.asarray(line.get_xdata()), np.asarray(line.get_ydata())


def test_the_figure_shows_the_published_point_and_its_gap(hanoi: Analysis) -> None:
    figure = frontier_figure(hanoi.frontiers, hanoi)
    throughput, waiting = _line(figure, "observed", 1)
    # MODEL §5: ibm_hanoi at τ = 1.76222, W = 0.497809, where classical W is 0.566644.
    assert throughput[0] == pytest.approx(1.76222, abs=5e-6)
    assert waiting[0] == pytest.approx(0.497809, abs=5e-7)
    assert f"{0.566644 - 0.497809:.4g}"[:5] in _texts(figure)
    assert "12.1 %" in _texts(figure)


@pytest.mark.parametrize(
    ("throughput", "classical", "quantum"), [(1.771548, 0.66184, 0.60046), (1.753921, 0.48158, 0.41085)]
)
def test_the_curves_pass_through_the_reference_values(
    hanoi: Analysis, throughput: float, classical: float, quantum: float
) -> None:
    figure = frontier_figure(hanoi.frontiers)
    assert np.interp(throughput, *_line(figure, "classical")) == pytest.approx(classical, abs=2e-5)
    assert np.interp(throughput, *_line(figure, "quantum")) == pytest.approx(quantum, abs=2e-4)


def test_the_close_up_holds_the_region_and_both_ends_of_the_gap(geneva: Analysis) -> None:
    figure = frontier_figure(geneva.frontiers, geneva)
    (left, right), (bottom, top) = figure.axes[1].get_xlim(), figure.axes[1].get_ylim()
    for corner in geneva.confidence_region:
        assert left < corner.baseline_throughput < right
        assert bottom < corner.waiting_time < top
    assert bottom < geneva.classical.waiting_time_at_equal_throughput.estimate < top
    assert "more waiting" in _texts(figure)  # the point lies above the frontier


def _estimate(value: float) -> Estimate:
    return Estimate(value, value - 0.001, value + 0.001)


def _informed(loads: bool) -> Informed:
    """Two κ and two loads, by hand."""
    points = [
        InformedPoint(
            kappa=kappa,
            classical=0.5 - 1.76 * kappa,
            entangled=0.45 - 1.76 * kappa,
            waiting_time=_estimate(waiting),
            baseline_throughput=_estimate(throughput),
            splitting_probability=_estimate(0.5),
            finished=True,
            classical_waiting_time=_estimate(waiting + 0.05),
            classical_baseline_throughput=_estimate(throughput),
        )
        for kappa, throughput, waiting in ((8.0, 1.755, 0.42), (12.0, 1.765, 0.51))
    ]
    by_load = [
        InformedLoad(
            load=load,
            kappa=9.0,
            classical=-15.0,
            entangled=-15.0 - gain,
            memoryless=-15.0 - other,
            waiting_time_reduction_relative=_estimate(2 * gain),
            memoryless_reduction_relative=2 * other,
            finished=True,
        )
        for load, gain, other in ((0.01, 0.06, 0.05), (0.1, 0.03, -0.2))
    ]
    return Informed(visibility=1.0, step=0.5, largest_workload=12.0, points=points, by_load=by_load if loads else None)


def test_routers_that_know_the_past_lie_in_the_plane_and_their_savings_by_load_below(hanoi: Analysis) -> None:
    informed = _informed(True)
    figure = informed_figure(hanoi.frontiers, informed)
    assert len(figure.axes) == 3
    for who, lift in (("entangled, both", 0.0), ("classical, both", 0.05)):
        throughput, waiting = _line(figure, who)
        assert throughput.tolist() == [1.755, 1.765]
        assert waiting == pytest.approx([0.42 + lift, 0.51 + lift])
    # The lines of the two κ bound every classical router where they lie above those of the frontier's own record.
    throughput, waiting = _line(figure, "every classical")
    every = hanoi.frontiers.every_classical
    lines = [0.5 + kappa * (throughput - 1.76) for kappa in (8.0, 12.0)]
    assert every is not None
    assert waiting == pytest.approx(np.max([*lines, every.waiting_time_at(throughput)], axis=0))
    left, right = figure.axes[0].get_xlim()
    assert left < 1.755 < 1.765 < right
    for panel, scale in ((1, 1), (2, 2)):
        load, saved = _line(figure, "entangled, past known", panel)
        assert load.tolist() == [0.01, 0.1]
        assert saved == pytest.approx([0.06 * scale, 0.03 * scale])
        assert _line(figure, "memoryless", panel)[1] == pytest.approx([0.05 * scale, -0.2 * scale])
        assert figure.axes[panel].get_ylim()[0] > -0.2 * scale  # far below 0 is not of interest
    assert "Load 0.1: 0.03 less, and −0.2 with a memoryless Bell pair." in _texts(figure)
    bare = informed_figure(hanoi.frontiers, _informed(False))
    assert len(bare.axes) == 1


def test_a_share_that_is_not_proved_is_not_drawn(hanoi: Analysis) -> None:
    informed = _informed(True)
    assert informed.by_load is not None
    loads = [each.model_copy(update={"waiting_time_reduction_relative": _estimate(-0.2)}) for each in informed.by_load]
    figure = informed_figure(hanoi.frontiers, informed.model_copy(update={"by_load": [informed.by_load[0], loads[1]]}))
    assert _line(figure, "entangled, past known", 2)[1] == pytest.approx([0.12, np.nan], nan_ok=True)


def test_a_notebook_shows_figures_on_white_whatever_the_page_is(hanoi: Analysis) -> None:
    drawn, _ = frontier_figure(hanoi.frontiers)._repr_png_()  # type: ignore[attr-defined]
    assert matplotlib.image.imread(io.BytesIO(drawn))[0, 0].tolist() == [1, 1, 1, 1]


def test_without_an_advantage_there_is_no_close_up(hanoi: Analysis) -> None:
    bare = hanoi.frontiers.model_copy(update={"largest_advantage": None, "largest_reduction_relative": None})
    assert len(frontier_figure(bare).axes) == 1
    assert len(frontier_figure(hanoi.frontiers).axes) == 2


def test_correlators_with_and_without_ideal_values(hanoi: Analysis, planned: Analysis) -> None:
    assert "ideal" not in [str(line.get_label()) for line in correlator_figure(hanoi).axes[0].lines]
    assert planned.correlators.ideal
    shown = _line(correlator_figure(planned), "ideal")[0]
    assert shown.tolist() == np.ravel(planned.correlators.ideal).tolist()
    assert "short · long" in _texts(correlator_figure(hanoi))


def test_a_map_of_eight_types_names_them(many_types: Analysis) -> None:
    names = [f"kind {number}" for number in range(8)]
    table = [[0.1 * (x - y) for y in range(8)] for x in range(8)]
    found = many_types.correlators.model_copy(
        update={"measured": table, "ideal": table, "standard_error": [[0.01] * 8] * 8, "trials": [[9] * 8] * 8}
    )
    frontiers = many_types.frontiers.model_copy(update={"types_a": names, "types_b": names[::-1]})
    figure = correlator_figure(many_types.model_copy(update={"correlators": found, "frontiers": frontiers}))
    axes = figure.axes[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == names
    assert [tick.get_text() for tick in axes.get_xticklabels()] == names[::-1]


def test_many_types_make_a_map_of_bounded_size(many_types: Analysis) -> None:
    figure = correlator_figure(many_types)
    assert np.asarray(figure.axes[0].images[0].get_array()).shape == (64, 64)
    assert len(svg_text(figure)) < 200_000
    assert len(svg_text(frontier_figure(many_types.frontiers, many_types))) < 200_000


def test_files_and_svg_are_the_same_every_time(hanoi: Analysis, tmp_path: Path) -> None:
    for suffix in (".png", ".svg", ".pdf"):
        contents = []
        for number in range(2):
            target = tmp_path / f"{number}{suffix}"
            save(frontier_figure(hanoi.frontiers, hanoi), target)
            contents.append(target.read_bytes())
        assert contents[0] == contents[1]
    ElementTree.fromstring((tmp_path / "0.svg").read_bytes())
    assert (tmp_path / "0.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "0.pdf").read_bytes().startswith(b"%PDF")


def test_the_users_matplotlib_settings_neither_matter_nor_change(hanoi: Analysis) -> None:
    expected = svg_text(correlator_figure(hanoi))
    with matplotlib.rc_context({"font.size": 30, "svg.fonttype": "path", "text.usetex": True}):
        assert svg_text(correlator_figure(hanoi)) == expected
        assert matplotlib.rcParams["font.size"] == 30


@pytest.mark.parametrize("name", ["figure.jpg", "figure", "figure.svg.gz"])
def test_other_suffixes_are_refused_in_one_line(hanoi: Analysis, tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match=r"must end in \.png or \.svg or \.pdf") as refused:
        save(correlator_figure(hanoi), tmp_path / name)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / name).exists()


def test_an_unwritable_place_is_one_line(hanoi: Analysis, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"the folder .*absent does not exist; create it first"):
        save(correlator_figure(hanoi), tmp_path / "absent" / "figure.svg")


def test_a_full_disk_leaves_the_older_figure(hanoi: Analysis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "figure.svg").write_text("older")
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutputError, match=r"figure\.svg: cannot be written: No space left on device"):
        save(correlator_figure(hanoi), tmp_path / "figure.svg")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"figure.svg": "older"}


def test_names_of_types_are_cut_to_fit_and_no_formulas(hostile: Analysis) -> None:
    shown = _texts(correlator_figure(hostile))
    assert HOSTILE_TYPES[0][:11] in shown
    assert HOSTILE_TYPES[1][:9] in shown


def test_curves_of_one_figure_differ_by_more_than_their_colour(hanoi: Analysis) -> None:
    drawn = ElementTree.fromstring(svg_text(frontier_figure(hanoi.frontiers)))
    legend = next(group for group in drawn.iter(f"{NAMESPACE}g") if group.attrib.get("id", "").endswith("legend_1"))
    dashes = [
        path.attrib.get("stroke-dasharray") for path in legend.iter(f"{NAMESPACE}path") if "stroke" in path.attrib
    ]
    assert len(dashes) >= 4
    assert len(set(dashes)) == 4
