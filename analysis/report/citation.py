"""What a paper needs of a run: a paragraph on methods and the BibTeX of paper and program, both from the record."""

from __future__ import annotations

import re

from ...model.estimate import significant
from ...model.games.sensitivity import NOTHING
from ...model.printable import printable
from ..menus.records import MenuAnalysis
from ..records.analysis_record import Analysis, Provenance
from ..records.percent import confidence_text, less_or_more, percent_text
from .tables.section import certified_text, estimate_cell, log10_text

_PAPER = """@misc{FerreiraDaSilva2026,
  author        = {Ferreira da Silva, F. and Wehner, S.},
  title         = {Entanglement improves coordination in distributed systems},
  year          = {2026},
  eprint        = {2602.04588},
  archivePrefix = {arXiv}
}"""
_MEMORYLESS_ONLY = (
    "The comparison is with memoryless classical routers that favor no server; classical routers that remember past "
    "requests can do better."
)
_SIMULATORS = ("aer", "braket-local", "fake", "link")  # this package's backends that are not hardware
_TEX = str.maketrans({
    "\\": r"\textbackslash{}",
    **{letter: f"\\{letter}" for letter in "{}&%$#_"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
})  # fmt: skip


def methods_paragraph(analysis: Analysis) -> str:
    """How the numbers arose, what they rest on and what they do not say, ready for a paper."""
    certificate, advantage = analysis.certificate, analysis.advantage
    types = f"{len(analysis.frontiers.types_a)}×{len(analysis.frontiers.types_b)}"
    reduction, relative = advantage.waiting_time_reduction, advantage.waiting_time_reduction_relative
    found = reduction.estimate
    found = 0.0 if abs(found) < NOTHING * analysis.frontiers.unavoidable_waiting_time else found
    more = "less" if found >= 0 else "more"
    sentences = [
        f"We took {certificate.trials} trials{_where(analysis.provenance)} for {types} pairs of request types at load "
        f"{analysis.frontiers.load:.3g} per server.",
        _raw(analysis.provenance, certificate.lost),
        "Waiting time and baseline throughput follow from the measured correlators by queueing formulas (Poisson "
        "pairs, two first-come-first-served queues), derived independently from the abstract of arXiv:2602.04588; "
        "the queues themselves were not operated.",
        f"At the baseline throughput observed a request waits {abs(found):.4g} units of time {more} "
        f"({percent_text(abs(relative.estimate))}; limits {estimate_cell(reduction).limits or 'none'}, two-sided, "
        f"which with those of p and W hold together at significance {certificate.significance:g}) than "
        f"{_class(analysis, more)}.",
        f"The null hypothesis of local hidden variables that score as much as such routers has log10 p = "
        f"{log10_text(certificate.log10_p_value)} ({certificate.method}; multiplier {certificate.multiplier:.6g}, "
        f"{certificate.multiplier_origin}), and the advantage is {certified_text(certificate.certified)} at "
        f"significance {certificate.significance:g}.",
        *_wider(analysis),
        f"The p-value rests on this: {_sentence(certificate.assumption)} {_sentence(certificate.confidence)}",
        analysis.locality,
        *([] if analysis.every_classical else [_MEMORYLESS_ONLY]),
        _made(analysis.provenance),
    ]
    warnings = [f"Warning: {printable(warning)}." for warning in analysis.warnings]
    return printable(" ".join([*warnings, *sentences]))


def _wider(analysis: Analysis) -> list[str]:
    """The comparison with every classical router, if there is a bound on them."""
    wider = analysis.every_classical
    if wider is None:
        return []
    share = wider.waiting_time_reduction_relative
    return [
        "Every classical router without communication, whatever it remembers, has W − κτ ≥ V(κ), a lower limit from a "
        "Markov decision process whose routers know the whole past "
        f"(κ = {wider.kappa:.6g}, V = {wider.bound:.6g}).",
        f"At the baseline throughput observed a request waits {less_or_more(share.estimate)} than that limit allows "
        f"(limits {estimate_cell(share, percent=True).limits or 'none'}, likewise).",
        f"Local hidden variables that score as much as such routers at best have log10 p = "
        f"{log10_text(wider.log10_p_value)} ({wider.method}), and the advantage over them is "
        f"{certified_text(wider.certified)}.",
    ]


def menu_methods(analysis: MenuAnalysis) -> str:
    """The same for routers that know the past."""
    certificate, share = analysis.certificate, analysis.waiting_time_reduction_relative
    number, cost = len(analysis.entries), certificate.cost
    classical = significant(certificate.classical, 6, "down")
    sentences = [
        *(f"Warning: {warning}." for warning in analysis.warnings),
        f"We took {certificate.trials} trials{_where(analysis.provenance)} of a menu of {number} "
        f"set{'s' * (number > 1)} of bases, from which routers that know the servers' past choose by the common state.",
        _raw(analysis.provenance, sum(map(sum, analysis.measured.lost)), "as the worst that they may have been"),
        "Mean waiting time W and baseline throughput τ follow from the outcomes' probabilities by value iteration over "
        "the servers' states (Poisson pairs, two first-come-first-served queues), in a model derived independently "
        "from the abstract of arXiv:2602.04588; the queues themselves were not operated.",
        f"Every classical router without communication has W − κτ of at least {classical} (κ = "
        f"{certificate.kappa:.6g}); these routers have at most {significant(cost.high, 6, 'up')} with "
        f"{confidence_text(1 - certificate.significance)} confidence and {significant(cost.estimate, 6)} by estimate: "
        f"{less_or_more(share.estimate)} waiting at equal throughput.",
        f"The advantage is {certified_text(certificate.certified)} at significance {certificate.significance:g}, "
        f"log10 p = {log10_text(certificate.log10_p_value)} ({certificate.method}).",
        f"The p-value rests on this: {_sentence(certificate.assumption)}",
        analysis.locality,
        _made(analysis.provenance),
    ]
    return printable(" ".join(sentences))


def bibtex(origin: Provenance) -> str:
    """The entries of the paper and of this version of the program."""
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


def _made(origin: Provenance) -> str:
    return (
        f"The analysis was made with bellqueue {origin.bellqueue_version}; the SHA-256 of its content is "
        f"{origin.content_hash}."
    )


def _where(origin: Provenance) -> str:
    if origin.backend is None:
        return f" (counts taken elsewhere: {printable(origin.source)})"
    qubits = f", qubits {', '.join(map(str, origin.qubits))}" if origin.qubits else ""
    device = f" ({printable(origin.device)}{qubits})" if origin.device else ""
    simulated = origin.backend.partition(":")[0] in _SIMULATORS
    return f"{' by simulation' if simulated else ''} on {printable(origin.backend)}{device}"


def _raw(origin: Provenance, lost: int, counted: str = "as losses") -> str:
    """A sentence that only raw outcomes count, and how many are lacking."""
    if origin.backend is None:
        lacking = f"{lost} lost trials are declared and count {counted}" if lost else "no lost trial is declared"
        return (
            "The counts are taken for raw outcomes, without mitigation, post-selection or discarded shots, as their "
            f"source declares them; {lacking}."
        )
    lacking = f"{lost} of them were lost and count {counted}" if lost else "none was lost"
    return f"Only raw outcomes were used, without mitigation, post-selection or discarded shots; {lacking}."


def _sentence(text: str) -> str:
    clean = printable(text).strip()
    return clean if clean.endswith((".", "!", "?")) else f"{clean}."


def _tex(text: str) -> str:
    return printable(text).translate(_TEX)
