"""What a paper needs of a run: a paragraph on methods and the BibTeX of paper and program, both from the record."""

from __future__ import annotations

import re

from ...model.games.sensitivity import NOTHING
from ..records.analysis_record import Analysis
from ..records.percent import less_or_more, percent_text
from ..records.printable import printable
from .tables.section import estimate_cell

_PAPER = """@misc{FerreiraDaSilva2026,
  author        = {Ferreira da Silva, F. and Wehner, S.},
  title         = {Entanglement improves coordination in distributed systems},
  year          = {2026},
  eprint        = {2602.04588},
  archivePrefix = {arXiv}
}"""
_SIMULATORS = ("aer", "braket-local", "fake", "link")  # the backends of this package that are no hardware
_TEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    **{letter: f"\\{letter}" for letter in "&%$#_"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}


def methods_paragraph(analysis: Analysis) -> str:
    """How the numbers came about, what they rest on and what they do not say, ready for a paper."""
    certificate, advantage = analysis.certificate, analysis.advantage
    types = f"{len(analysis.frontiers.types_a)}×{len(analysis.frontiers.types_b)}"
    reduction, relative = advantage.waiting_time_reduction, advantage.waiting_time_reduction_relative
    found = reduction.estimate
    found = 0.0 if abs(found) < NOTHING * analysis.frontiers.unavoidable_waiting_time else found
    more = "less" if found >= 0 else "more"
    sentences = [
        f"We took {certificate.trials} trials{_where(analysis)} for {types} pairs of request types at load "
        f"{analysis.frontiers.load:.3g} per server.",
        _settings(analysis),
        "Waiting time and baseline throughput follow from the measured correlators by queueing formulas (Poisson "
        "pairs, two first-come-first-served queues), derived independently from the abstract of arXiv:2602.04588; "
        "the queues themselves were not operated.",
        f"At the baseline throughput observed a request waits {abs(found):.4g} units of time {more} "
        f"({percent_text(abs(relative.estimate))}; limits {estimate_cell(reduction).limits or 'none'}, two-sided, "
        f"which with those of p and W hold together at significance {certificate.significance:g}) than "
        f"{_class(analysis, more)}.",
        f"The null hypothesis of local hidden variables that score as much as such routers has log10 p = "
        f"{certificate.log10_p_value + 0.0:.4g} ({certificate.method}; multiplier {certificate.multiplier:.6g}, "
        f"{certificate.multiplier_origin}), and the advantage is "
        f"{'certified' if certificate.certified else 'not certified'} at significance {certificate.significance:g}.",
        *_wider(analysis),
        f"The p-value rests on this: {_sentence(certificate.assumption)} {_sentence(certificate.confidence)}",
        analysis.locality,
        ""
        if analysis.every_classical
        else "The comparison is with memoryless classical routers that favor no server; "
        "classical routers that remember past requests can do better.",
        f"The analysis was made with bellqueue {analysis.provenance.bellqueue_version}; the SHA-256 of its content is "
        f"{analysis.provenance.content_hash}.",
    ]
    warnings = [f"Warning: {printable(warning)}." for warning in analysis.warnings]
    return printable(" ".join([*warnings, *(sentence for sentence in sentences if sentence)]))


def _wider(analysis: Analysis) -> list[str]:
    """The comparison with every classical router, where there is a bound on them."""
    wider = analysis.every_classical
    if wider is None:
        return []
    share = wider.waiting_time_reduction_relative
    told = "certified" if wider.certified else "not certified"
    return [
        "Every classical router without communication, whatever it remembers, has W − κτ ≥ V(κ), a lower limit from a "
        "Markov decision process whose routers know the whole past "
        f"(κ = {wider.kappa:.6g}, V = {wider.bound:.6g}).",
        f"At the baseline throughput observed a request waits {less_or_more(share.estimate)} "
        f"than that limit allows (limits "
        f"{estimate_cell(share, percent=True).limits or 'none'}, likewise).",
        f"Local hidden variables that score as much as such routers at best have log10 p = "
        f"{wider.log10_p_value + 0.0:.4g} ({wider.method}), and the advantage over them is {told}.",
    ]


def bibtex(analysis: Analysis) -> str:
    """The entries of the paper and of this version of the program."""
    origin = analysis.provenance
    version = _tex(origin.bellqueue_version)
    year = re.match(r"\d{4}", origin.created)
    dated = f"  year    = {{{year.group()}}},\n" if year else ""
    software = (
        "@software{bellqueue,\n"
        "  author  = {{The bellqueue developers}},\n"
        "  title   = {bellqueue: entanglement-assisted request routing, run and certified},\n"
        f"{dated}"
        f"  version = {{{version}}},\n"
        f"  note    = {{Analysis SHA-256 {_tex(origin.content_hash)}}}\n"
        "}"
    )
    return f"{_PAPER}\n\n{software}"


def _class(analysis: Analysis, more: str) -> str:
    """The class compared, as part of a sentence."""
    named = analysis.class_compared
    if more == "less":
        return f"under {named}"
    if analysis.frontiers.classical_caveat:
        return f"the bound proved on {named}"
    return f"under the best of {named.removeprefix('every ').replace('strategy', 'strategies')}"


def _where(analysis: Analysis) -> str:
    origin = analysis.provenance
    if origin.backend is None:
        return f" (counts taken elsewhere: {printable(origin.source)})"
    qubits = f", qubits {', '.join(map(str, origin.qubits))}" if origin.qubits else ""
    device = f" ({printable(origin.device)}{qubits})" if origin.device else ""
    simulated = origin.backend.partition(":")[0] in _SIMULATORS
    return f"{' by simulation' if simulated else ''} on {printable(origin.backend)}{device}"


def _settings(analysis: Analysis) -> str:
    lost = analysis.certificate.lost
    if analysis.provenance.backend is None:
        told = f"{lost} lost trials are declared and count as losses" if lost else "no lost trial is declared"
        return (
            "The counts are taken for raw outcomes, without mitigation, post-selection or discarded shots, as their "
            f"source declares them; {told}."
        )
    told = f"{lost} of them were lost and count as losses" if lost else "none was lost"
    return f"Only raw outcomes were used, without mitigation, post-selection or discarded shots; {told}."


def _sentence(text: str) -> str:
    clean = printable(text).strip()
    return clean if clean.endswith((".", "!", "?")) else f"{clean}."


def _tex(text: str) -> str:
    return "".join(_TEX.get(letter, letter) for letter in printable(text))
