"""What a paper takes from a run: honest sentences, and BibTeX that no text of others can break."""

from __future__ import annotations

import re

from bellqueue.analysis.records.analysis_record import Analysis
from bellqueue.analysis.records.every_classical import AgainstEveryClassical
from bellqueue.analysis.report.citation import bibtex, methods_paragraph


def _entries(text: str) -> dict[str, dict[str, str]]:
    """Entries of a BibTeX file of balanced braces, by key."""
    entries = {}
    for kind, key, body in re.findall(r"@(\w+)\{(\w+),\n(.*?)\n\}", text, re.DOTALL):
        fields = dict(re.findall(r"^  (\w+)\s*= \{(.*)\},?$", body, re.MULTILINE))
        entries[key] = fields | {"kind": kind}
    return entries


def test_paper_and_program_are_cited_with_the_version(planned: Analysis) -> None:
    entries = _entries(bibtex(planned.provenance))
    paper, program = entries["FerreiraDaSilva2026"], entries["bellqueue"]
    assert paper["title"] == "Entanglement improves coordination in distributed systems"
    assert (paper["eprint"], paper["archivePrefix"], paper["year"]) == ("2602.04588", "arXiv", "2026")
    assert paper["author"] == "Ferreira da Silva, F. and Wehner, S."
    assert program["version"] == planned.provenance.bellqueue_version
    assert program["year"] == "2026"
    assert planned.provenance.content_hash in program["note"]


def test_braces_balance_whatever_the_version_says(hostile: Analysis) -> None:
    odd = hostile.provenance.model_copy(update={"bellqueue_version": r"0.1}\input{x}%_#&$~^"})
    text = bibtex(odd)
    bare = re.sub(r"\\[{}]", "", text)
    assert bare.count("{") == bare.count("}")
    assert r"\input{" not in text
    assert set(_entries(bibtex(hostile.provenance))) == {"FerreiraDaSilva2026", "bellqueue"}


def _wider(analysis: Analysis) -> AgainstEveryClassical:
    assert analysis.every_classical
    return analysis.every_classical


def test_the_paragraph_says_what_the_number_rests_on_and_what_it_is_against(planned: Analysis) -> None:
    text = methods_paragraph(planned)
    for told in (
        planned.certificate.assumption,
        planned.certificate.confidence,
        planned.locality,
        planned.class_compared,
        f"log10 p = {planned.certificate.log10_p_value:.4g}",
        "declared before the data were taken",
        "Every classical router without communication, whatever it remembers, has W − κτ ≥ V(κ)",
        f"κ = {_wider(planned).kappa:.6g}, V = {_wider(planned).bound:.6g}",
        f"score as much as such routers at best have log10 p = {_wider(planned).log10_p_value:.4g}",
        "the queues themselves were not operated",
        "derived independently from the abstract of arXiv:2602.04588",
        "is certified at significance 0.001",
        "without mitigation, post-selection or discarded shots",
    ):
        assert told in text


def test_alarms_and_refusals_lead_the_paragraph(geneva: Analysis) -> None:
    text = methods_paragraph(geneva)
    assert text.startswith("Warning: NO-SIGNALLING ALARM")
    assert "is not certified" in text
    assert "units of time more" in text
    assert "union bound over 2 edges" in text
    assert "counts taken elsewhere" in text


def test_of_foreign_counts_nothing_is_vouched_for_that_they_do_not_hold(hanoi: Analysis, planned: Analysis) -> None:
    text = methods_paragraph(hanoi)
    assert "as their source declares them; no lost trial is declared" in text
    assert "Only raw outcomes were used" not in text
    assert "Both qubits sit on one device" not in text
    assert "not on record, so the locality loophole counts as open" in text
    assert "Only raw outcomes were used" in methods_paragraph(planned)
    assert "Both qubits sit on one device, so the locality loophole stays open" in methods_paragraph(planned)


def test_a_simulation_is_called_one(planned: Analysis) -> None:
    for backend, simulated in (("aer", True), ("fake:torino", True), ("braket-local", True), ("ibm:ibm_fez", False)):
        origin = planned.provenance.model_copy(update={"backend": backend})
        text = methods_paragraph(planned.model_copy(update={"provenance": origin}))
        assert (f"by simulation on {backend}" in text) == simulated
