"""The report: one page that asks no network, says the verdict first, holds every key number and escapes everything."""

from __future__ import annotations

import base64
import hashlib
import itertools
import math
import re

import numpy as np
import pytest
from bellqueue.analysis.analyze import analyze
from bellqueue.analysis.certificate.samples import Sample
from bellqueue.analysis.records.analysis_record import Analysis, Visibility
from bellqueue.analysis.report.downloads import downloads
from bellqueue.analysis.report.page import report_html
from bellqueue.model.estimate import Estimate
from bellqueue.model.scenario.file import Scenario
from bellqueue.model.trials import Counts, Sampling

from tests.analysis.conftest import HOSTILE, HOSTILE_TYPES, provenance
from tests.analysis.report.read_pages import ReadPage, assert_loads_nothing
from tests.scenarios import default_record

CASES = ("hanoi", "geneva", "planned", "complete", "hostile", "many_types")


@pytest.fixture(scope="module")
def pages(request: pytest.FixtureRequest) -> dict[str, tuple[Analysis, str, ReadPage]]:
    made = {}
    for case in CASES:
        analysis = request.getfixturevalue(case)
        html = report_html(analysis)
        made[case] = (analysis, html, ReadPage(html))
    return made


Pages = dict[str, tuple[Analysis, str, ReadPage]]


@pytest.mark.parametrize("case", CASES)
def test_the_page_loads_nothing(pages: Pages, case: str) -> None:
    _, html, page = pages[case]
    assert_loads_nothing(html, page)


@pytest.mark.parametrize("case", ["complete", "hostile"])
def test_only_the_style_and_the_script_of_the_page_are_allowed(pages: Pages, case: str) -> None:
    _, html, page = pages[case]
    (policy,) = (attributes["content"] for tag, attributes in page.tags if "http-equiv" in attributes)
    allowed = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert allowed["default-src"] == "'none'"
    assert allowed["img-src"] == "data:"  # inside the page
    for tag in ("style", "script"):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert allowed[f"{tag}-src"] == f"'sha256-{digest}'"


@pytest.mark.parametrize("case", CASES)
def test_the_first_heading_is_the_verdict_with_its_size_and_class(pages: Pages, case: str) -> None:
    analysis, html, page = pages[case]
    assert html.startswith("<!DOCTYPE html>")
    assert ("html", {"lang": "en"}) in page.tags
    heading = " ".join(page.headings[0].split())
    advantage, word, compared = analysis.advantage, "Not certified", analysis.class_compared.removeprefix("every ")
    if analysis.certificate.certified:
        word = "Certified against memoryless classical routers only"
    share = advantage.waiting_time_reduction_relative
    if analysis.every_classical and analysis.every_classical.certified:
        word, compared = "Certified", "every classical strategy without communication"
        share = analysis.every_classical.waiting_time_reduction_relative
    size = f"{100 * abs(share.estimate):.1f} % {'less' if share.estimate >= 0 else 'more'} waiting"
    if word != "Not certified":  # the limit, since what certifies is chosen for its large estimate
        size = f"at least {math.floor(1000 * share.low) / 10:.1f} % less waiting"
    assert f"{word}: {size} than" in heading
    assert heading.endswith(compared)
    assert [tag for tag, _ in page.tags].count("h1") == 1
    told = analysis.verdict[0].rpartition(": at equal baseline throughput ")[2].rpartition(f"{compared}: ")[2]
    assert told[1:] in page.text


def test_both_verdicts_are_told_with_their_numbers(pages: Pages) -> None:
    """The cases hold each: certified against every classical router, against memoryless ones only, and not at all."""
    found = set()
    for analysis, _, page in pages.values():
        wider = analysis.every_classical
        if wider is None:
            continue
        found.add((wider.certified, analysis.certificate.certified))
        text = page.text.replace("\N{MINUS SIGN}", "-")
        for log10_p in (wider.log10_p_value, analysis.certificate.log10_p_value):
            assert f"{log10_p + 0.0:.4g}" in text
        assert _is_told(wider.waiting_time_at_equal_throughput.estimate, text)
    assert found == {(True, True), (False, True), (False, False)}


def test_what_is_absent_is_said_to_be(complete: Analysis) -> None:
    assert complete.context
    context = complete.context.model_copy(update={"waiting_times": None, "by_load": None})
    page, older = (ReadPage(report_html(complete.model_copy(update={"context": each}))) for each in (context, None))
    for read in (page, older):
        assert {"How long single requests wait", "What the advantage depends on"} <= set(read.headings)
    assert "queues grow too long for a simulation" in page.text
    assert "How the advantage depends on the load is not shown" in page.text
    assert older.text.count("This record does not hold it") == 2
    assert "The bases measured are not on record" in older.text


@pytest.mark.parametrize("case", CASES)
def test_headings_go_down_one_by_one(pages: Pages, case: str) -> None:
    levels = [int(tag[1]) for tag, _ in pages[case][2].tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_an_alarm_comes_before_the_verdict(pages: Pages) -> None:
    first = pages["geneva"][2].headings[0]
    assert first.startswith("NO-SIGNALLING ALARM")
    assert "Not certified: " in first
    classes = {case: [each["class"] for tag, each in pages[case][2].tags if tag == "h1"] for case in CASES}
    assert classes["geneva"] == ["uncertified alarmed"]
    assert classes["hanoi"] == classes["planned"] == ["certified"]
    assert "alarm" not in [attributes.get("class") for _, attributes in pages["hanoi"][2].tags]


@pytest.mark.parametrize("case", CASES)
def test_assumption_loophole_and_model_are_told(pages: Pages, case: str) -> None:
    analysis, _, page = pages[case]
    assert page.text.count(analysis.locality) == 2  # once for the reader, once in the paragraph for a paper
    assert analysis.certificate.assumption in page.text
    assert analysis.certificate.confidence in page.text
    assert "our own derivation" in page.text
    for reference in ("arXiv:2602.04588", "arXiv:1510.07233", "(1952)", "(2015)", "Tsirelson"):
        assert reference in page.text


@pytest.mark.parametrize("case", ["hanoi", "geneva", "planned"])
def test_every_key_number_is_in_the_report(pages: Pages, case: str) -> None:
    analysis, _, page = pages[case]
    text_shown = page.text.replace("\N{MINUS SIGN}", "-")
    assert analysis.chsh
    compared: list[Estimate | Visibility] = [
        analysis.chsh,
        analysis.observed.waiting_time,
        analysis.observed.baseline_throughput,
        analysis.observed.splitting_probability,
        analysis.classical.waiting_time_at_equal_throughput,
        analysis.classical.baseline_throughput_at_equal_waiting_time,
        analysis.quantum.waiting_time_at_equal_throughput,
        analysis.quantum.baseline_throughput_at_equal_waiting_time,
        analysis.advantage.waiting_time_reduction,
        analysis.certificate.excess,
        analysis.visibility,
    ]
    shares = (analysis.advantage.waiting_time_reduction_relative, analysis.advantage.throughput_gain_relative)
    values = [value for of in compared for value in (of.estimate, of.low, of.high)]
    values += [100 * value for of in shares for value in (of.estimate, of.low, of.high)]
    for value in values:
        assert _is_told(value, text_shown)
    certificate = analysis.certificate
    for bound in (certificate.classical_bound, certificate.quantum_bound):
        assert _is_told(bound.low, text_shown) or _is_told((bound.low + bound.high) / 2, text_shown)
    for text in (
        f"{certificate.log10_p_value:.4g}",
        f"{certificate.multiplier:.6g}",
        f"{certificate.trials}",
        f"{certificate.significance:g}",
        certificate.method,
        f"{analysis.no_signalling.log10_p_value:.4g}",
    ):
        assert text in text_shown
    for count, value in zip(
        np.ravel(analysis.correlators.trials), np.ravel(analysis.correlators.measured), strict=True
    ):
        assert str(count) in text_shown
        assert _is_told(value, text_shown)


def _is_told(value: float, text: str) -> bool:
    """Whether a number of the text is the value, rounded in some direction to two or more significant digits."""
    tokens = set(re.findall(r"-?\d+(?:\.\d+)?", text))
    least = max(0, 1 - math.floor(math.log10(abs(value))))
    near = ((decimals, math.floor(value * 10**decimals)) for decimals in range(least, least + 14))
    return any(f"{(below + up) / 10**decimals:.{decimals}f}" in tokens for decimals, below in near for up in (0, 1))


def test_provenance_plan_and_command_are_kept(pages: Pages) -> None:
    analysis, _, page = pages["planned"]
    origin = analysis.provenance
    for text in (origin.content_hash, origin.scenario_hash, origin.command, origin.device, "3, 4", "numpy 2.0"):
        assert str(text) in page.text
    assert "depolarising" in page.text
    assert "pair_rate" in page.text
    assert analysis.planned
    assert f"{analysis.planned.waiting_time:.3f}" in page.text
    assert "bellqueue analyze counts.json --scenario scenario.json" in pages["hanoi"][2].text
    assert "bellqueue run scenario.json --backend local --seed 7" in page.text
    old = report_html(pages["hanoi"][0].model_copy(update={"measured": None}))
    assert "command was not recorded" in old


def test_the_limits_of_the_class_are_told(pages: Pages) -> None:
    for analysis, _, page in pages.values():
        text, wider = " ".join(page.text.split()), analysis.every_classical
        if wider is None:
            assert "Classical routers that remember past requests can do better" in text
        elif wider.certified:
            assert "The certificate covers every classical router that does not communicate." in text
        elif analysis.certificate.certified:
            assert "Classical routers that remember past requests or favor a server may do as well." in text


@pytest.mark.parametrize("case", CASES)
def test_figures_have_captions_descriptions_and_ids_of_their_own(pages: Pages, case: str) -> None:
    _, html, page = pages[case]
    tags = [tag for tag, _ in page.tags]
    pictures = [attributes for tag, attributes in page.tags if tag == "svg" and attributes.get("role") == "img"]
    assert tags.count("figure") == tags.count("figcaption") == (6 if case == "complete" else 3)
    assert len(pictures) == tags.count("svg") == tags.count("desc") == tags.count("figure")
    assert tags.count("title") == len(pictures) + 1
    assert not re.search(r"<(title|desc)[^>]*(/>|></)", html)
    assert tags.count("style") == 1  # the page's own
    assert "<?" not in html
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    referred = [each for attributes in pictures for each in attributes["aria-labelledby"].split()]
    referred += [attributes["href"][1:] for _, attributes in page.tags if attributes.get("href", "").startswith("#")]
    referred += [each for _, attributes in page.tags for each in re.findall(r"url\(#([^)]+)\)", str(attributes))]
    assert set(referred) <= set(ids)


def test_other_peoples_text_is_escaped_everywhere(pages: Pages) -> None:
    analysis, html, page = pages["hostile"]
    assert {tag for tag, _ in page.tags} == {tag for tag, _ in pages["planned"][2].tags}
    assert len([tag for tag, _ in page.tags if tag == "script"]) == 1  # the page's own
    assert HOSTILE in page.text
    assert HOSTILE_TYPES[0] in page.text
    assert analysis.provenance.backend
    assert analysis.provenance.backend in page.text
    assert "\x1b" not in html


def test_pages_are_light_and_those_of_many_types_stay_readable(pages: Pages) -> None:
    assert len(pages["complete"][1].encode()) < 300_000
    assert len(pages["many_types"][1].encode()) < 1_400_000
    assert "4096 correlators are shown in figure 3" in pages["many_types"][2].text


@pytest.mark.parametrize("case", ["hanoi", "complete"])
def test_the_same_record_gives_the_same_page_also_after_json(pages: Pages, case: str) -> None:
    analysis, html, _ = pages[case]
    assert report_html(Analysis.model_validate_json(analysis.to_json())) == html


@pytest.mark.usefixtures("coarse_bounds")
def test_pairs_that_never_occur_may_stay_unmeasured() -> None:
    record = default_record()
    record["traffic"]["type"].append({"name": "middling", "service": {"distribution": "deterministic", "mean": 2.0}})
    for spec in record["traffic"]["type"]:
        spec.pop("probability", None)
    record["traffic"]["joint"] = [[0.4, 0.2, 0.05], [0.2, 0.0, 0.05], [0.05, 0.05, 0.0]]
    counts = np.full((3, 3, 2, 2), 100)
    counts[1, 1] = counts[2, 2] = 0
    analysis = analyze(Scenario.parse(record), Sample(Counts(counts), Sampling("fixed")), provenance())
    html = report_html(Analysis.model_validate_json(analysis.to_json()))
    assert html.count("not measured") == 2
    assert not re.search(r"\bnan\b", ReadPage(html).text)


def test_the_page_of_foreign_counts_tells_what_is_not_known(pages: Pages) -> None:
    foreign, own = pages["hanoi"][2].text, pages["planned"][2].text
    assert "is taken from whoever brought the counts" in foreign
    assert "is taken from whoever brought the counts" not in own
    assert "least visibility, against the quantum optimum of the game" in foreign
    assert "visibility, against the score of the planned measurements" in own


def test_settings_stand_with_the_probability_they_were_drawn_with(pages: Pages) -> None:
    analysis, _, page = pages["planned"]
    assert analysis.measured
    assert analysis.measured.input_distribution
    shares = [f"{100 * share:.3g} %" for row in analysis.measured.input_distribution for share in row]
    table = page.text.partition("drawn with probability")[2].partition("Methods")[0]
    assert all(share in table for share in shares)


@pytest.mark.usefixtures("without_ink")
def test_where_the_frontier_is_a_bound_nothing_is_called_the_best(geneva: Analysis) -> None:
    assert geneva.frontiers.classical_proof
    proof = geneva.frontiers.classical_proof.model_copy(update={"gap_relative": 0.02})
    frontiers = geneva.frontiers.model_copy(update={"classical_proof": proof})
    html = report_html(geneva.model_copy(update={"frontiers": frontiers}))
    assert "more waiting than the bound proved on every memoryless, label-symmetric classical strategy" in html
    assert "bounded from above by what is proved of all classical" in html
    assert "more waiting than the best memoryless" in report_html(geneva)


@pytest.mark.usefixtures("without_ink")
def test_what_is_packed_is_to_be_unpacked_before_it_is_used(pages: Pages, many_types: Analysis) -> None:
    names = {each.name for each in downloads(many_types)}
    assert ("unpacked by gunzip" in pages["many_types"][2].text) == bool({"scenario.json.gz", "counts.json.gz"} & names)
    large = {"reward": {"kind": "table", "points": [[float(t), float(t) ** 2] for t in range(10_000)]}}
    packed = many_types.model_copy(update={"scenario": many_types.scenario | {"baseline": large}})
    assert "unpacked by gunzip" in report_html(packed)
    assert "unpacked by gunzip" not in pages["hanoi"][2].text
