"""What the functions of a notebook return: the records of the commands, which can show themselves."""

from __future__ import annotations

from html import escape
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Self

from pydantic import PrivateAttr

from ...analysis.menus.records import MenuAnalysis
from ...analysis.records.analysis_record import Advantage, Analysis
from ...analysis.records.comparison import Comparison
from ...analysis.records.every_classical import AgainstEveryClassical
from ...analysis.records.frontier_record import FrontierRecord
from ...analysis.records.link_record import LinkRecord
from ...analysis.records.percent import at_least, estimate_of, less_or_more, percent_text
from ...analysis.records.printable import signs
from ...analysis.records.record import Record
from ...analysis.report.tables.analysis import comparison_section
from ...analysis.report.tables.comparison import CLASSES, comparison_table, saved_cells
from ...analysis.report.tables.frontiers import frontier_sections
from ...analysis.report.tables.link import results_section
from ...analysis.report.tables.menu import reached_section
from ...analysis.report.tables.section import Cell, Section
from ...model.errors import BellqueueError, OutputError
from ...model.estimate import Estimate, significant
from ...model.printable import printable
from ...model.trials import Trials
from ...model.validation import as_path

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

    from ...model.link.assessment import LinkAssessment

# No colour but that of the edge, so that it is legible on a light page and on a dark one.
_GREEN, _ORANGE, _GREY = "#1a9e77", "#d9822b", "#808080"
_LEFT = ' style="text-align: left; padding: 0.2em 1em 0.2em 0"'


class _Shown(Record):
    """A record that shows itself in a notebook, and whose text is its `repr`."""

    @classmethod
    def _like(cls, record: Record) -> Self:
        """The same record."""
        return cls.model_construct(**{name: getattr(record, name) for name in type(record).model_fields})

    def __str__(self) -> str:
        return repr(self)


class KeptResult(_Shown):
    """An analysis with what it was made from.

    Attributes:
        trials: The raw trials in their order, of a run made here; else None. Of routers that know the past (k, x, y)
            are types k·n_A + x and y.
        folder: Where the run is kept; None where it is not.
    """

    _trials: Trials | None = PrivateAttr(None)
    _folder: Path | None = PrivateAttr(None)

    @classmethod
    def of(cls, analysis: Analysis | MenuAnalysis, trials: Trials | None = None, folder: Path | None = None) -> Self:
        """The same analysis, with what it was made from."""
        if isinstance(analysis, Analysis):
            analysis = analysis.model_copy(update={"frontiers": FrontierResult.of(analysis.frontiers)})
        result = cls._like(analysis)
        result._trials, result._folder = trials, folder
        return result

    @property
    def trials(self) -> Trials | None:
        return self._trials

    @property
    def folder(self) -> Path | None:
        return self._folder

    def save_report(self, path: str | Path) -> None:
        """Write the self-contained HTML report.

        Raises:
            OutputError: it cannot be written there.
        """
        from ..experiment.pipeline import write_report

        assert isinstance(self, Analysis | MenuAnalysis)
        write_report(as_path(path, "path", OutputError), self)


class FrontierResult(_Shown, FrontierRecord):
    """The frontiers of a scenario: a `FrontierRecord` that shows itself in a notebook."""

    @classmethod
    def of(cls, record: FrontierRecord) -> FrontierResult:
        """The same record."""
        return cls._like(record)

    def to_dataframe(self) -> pandas.DataFrame:
        """Every point, in columns frontier, splitting_probability, waiting_time, baseline_throughput, multiplier.

        Raises:
            BellqueueError: pandas is not installed.
        """
        rows = [
            {"frontier": name, **point.model_dump()}
            for name in ("classical", "quantum", "communication")
            for point in getattr(self, name)
        ]
        return _dataframe(rows)

    def __repr__(self) -> str:
        best = self.largest_advantage
        gain = "entanglement gains nothing"
        if best and self.largest_reduction_relative is not None:
            where = f"at splitting probability {best.splitting_probability:.4g}"
            most = percent_text(self.largest_reduction_relative)
            gain = f"entanglement waits up to {most} less than memoryless, {where}"
        every = self.every_classical
        if every and every.largest_reduction_relative is not None:
            gain += f",\n and {percent_text(every.largest_reduction_relative)} less than every classical router, "
            gain += f"at {every.splitting_probability:.4g}"
        return f"<Frontiers of {printable(self.title)!r}: load {self.load:.4g},\n {gain}>"

    def _repr_html_(self) -> str:
        return _card(_GREY, self.title, frontier_sections(self)[:1], self.caveats)


class ComparisonResult(_Shown, Comparison):
    """Runs beside each other, the record `bellqueue.comparison/1`, which shows itself in a notebook."""

    def to_dataframe(self) -> pandas.DataFrame:
        """A row for each run, in the columns of the CSV.

        Raises:
            BellqueueError: pandas is not installed.
        """
        return _dataframe(self.flat())

    def __repr__(self) -> str:
        lines = [f"<Comparison of waiting time saved against {CLASSES[self.against]}:"]
        for run, saved in zip(self.runs, saved_cells(self), strict=True):
            limits = f" ({saved.limits})" if saved.limits else ""
            lines.append(f"{run.name}: {run.verdict}; {saved.value}{limits}")
        return signs("\n ".join(lines) + ">")

    def _repr_html_(self) -> str:
        table = comparison_table(self)
        return _card(_GREY, table.title, [table], table.note)


class Result(KeptResult, Analysis):
    """An analysis, the record `bellqueue.analysis/1`, that shows itself in a notebook."""

    frontiers: FrontierResult

    @property
    def certified(self) -> bool:
        """Whether the advantage is certified at the scenario's significance, against whichever class."""
        return self.certified_against is not None

    def to_dataframe(self) -> pandas.DataFrame:
        """The numbers that compare: quantity, of (what, or over whom), estimate, low, high.

        Waiting times are those at the observed throughput, throughputs those at the observed waiting time.

        Raises:
            BellqueueError: pandas is not installed.
        """
        waiting, throughput = "waiting_time_at_equal_throughput", "baseline_throughput_at_equal_waiting_time"
        named: list[tuple[str, str, Estimate]] = [
            ("splitting_probability", "observed", self.observed.splitting_probability),
            ("waiting_time", "observed", self.observed.waiting_time),
            ("waiting_time", "classical", getattr(self.classical, waiting)),
            ("waiting_time", "quantum", getattr(self.quantum, waiting)),
            ("baseline_throughput", "observed", self.observed.baseline_throughput),
            ("baseline_throughput", "classical", getattr(self.classical, throughput)),
            ("baseline_throughput", "quantum", getattr(self.quantum, throughput)),
            *((name, "advantage", getattr(self.advantage, name)) for name in type(self.advantage).model_fields),
            *_over_every_classical(self.every_classical),
            ("excess", "certificate", self.certificate.excess),
            *((("chsh", "observed", self.chsh),) if self.chsh else ()),
        ]
        return _dataframe(
            [
                {"quantity": name, "of": of, "estimate": value.estimate, "low": value.low, "high": value.high}
                for name, of, value in named
            ]
        )

    def __repr__(self) -> str:
        observed, of, log10_p = self.observed.waiting_time, "memoryless classical", self.certificate.log10_p_value
        classical = self.classical.waiting_time_at_equal_throughput
        share = self.advantage.waiting_time_reduction_relative
        if self.every_classical and self.certified_against == "every-classical":
            of, log10_p = "every classical", self.every_classical.log10_p_value
            classical = self.every_classical.waiting_time_at_equal_throughput
            share = self.every_classical.waiting_time_reduction_relative
        less = f"estimate {less_or_more(share.estimate)}"
        if self.certified and share.low > 0:
            less = f"{at_least(share)} less, {estimate_of(share)}"
        lines = [
            f"{'CERTIFIED' if self.certified else 'NOT CERTIFIED'}: waiting time {observed.estimate:.4g} against "
            f"{classical.estimate:.4g} {of} at equal throughput",
            less,
            f"log10 p = {log10_p:.4g}, {self.certificate.trials} trials",
            *map(printable, self.warnings),
        ]
        return signs("<Result " + ",\n ".join(lines) + ">")

    def _repr_html_(self) -> str:
        return _verdict_card(self, comparison_section(self))


class MenuResult(KeptResult, MenuAnalysis):
    """An analysis of routers that know the past, the record `bellqueue.menu-analysis/1`, that shows itself."""

    def __repr__(self) -> str:
        share, test = self.waiting_time_reduction_relative, self.certificate
        sure = f"{at_least(share)} less, " if self.certified and share.low > 0 else ""
        number = len(self.entries)
        lines = [
            f"{'CERTIFIED' if self.certified else 'NOT CERTIFIED'}: waiting time {self.waiting_time.estimate:.4g} "
            f"against {significant(self.classical_waiting_time, 4, 'down')} every classical at equal throughput",
            f"{sure}{estimate_of(share)}",
            f"log10 p = {test.log10_p_value:.4g}, {test.trials} trials, {number} set{'s' * (number > 1)} of bases",
            *map(printable, self.warnings[:1]),
        ]
        return signs("<MenuResult " + ",\n ".join(lines) + ">")

    def _repr_html_(self) -> str:
        return _verdict_card(self, reached_section(self))


def result_of(
    analysis: Analysis | MenuAnalysis, trials: Trials | None = None, folder: Path | None = None
) -> Result | MenuResult:
    """An analysis that shows itself, with what it was made from."""
    kind = MenuResult if isinstance(analysis, MenuAnalysis) else Result
    return kind.of(analysis, trials, folder)


class LinkResult(_Shown, LinkRecord):
    """Whether a link suffices, the record `bellqueue.link/1`, which shows and draws itself."""

    _found: LinkAssessment | None = PrivateAttr(None)
    _axes: tuple[str, str] = PrivateAttr(("rate", "fidelity"))

    @classmethod
    def of_assessment(cls, record: LinkRecord, found: LinkAssessment, axes: tuple[str, str]) -> LinkResult:
        """The same record, with what its map is drawn from."""
        result = cls._like(record)
        result._found, result._axes = found, axes
        return result

    def map(self) -> Figure:
        """What links save as two figures vary, and where published links lie.

        Raises:
            BellqueueError: the record was read and not computed here.
        """
        from ...analysis.report.figures.link import link_figure

        if self._found is None:
            raise BellqueueError("a map is drawn of what bq.link returned, and not of a record read again")
        return link_figure(self._found, self._axes)

    def save(self, path: str | Path) -> None:
        """Draw the map into a file: .png, .svg or .pdf.

        Raises:
            OutputError: another suffix, or the file cannot be written.
        """
        from ...analysis.report.figures.drawing import check_suffix, save

        target = as_path(path, "path", OutputError)
        check_suffix(target)
        save(self.map(), target)

    def __repr__(self) -> str:
        lines = wrap(printable(self.verdict), 110)
        return signs("<Link of " + f"{printable(self.title)!r}:\n " + "\n ".join(lines) + ">")

    def _repr_html_(self) -> str:
        return _card(_GREEN if self.suffices else _ORANGE, self.verdict, [results_section(self)], "")


def _over_every_classical(wider: AgainstEveryClassical | None) -> list[tuple[str, str, Estimate]]:
    """What is estimated against every classical router, where there is a bound on them."""
    if wider is None:
        return []
    at_equal_throughput = ("waiting_time", "every classical", wider.waiting_time_at_equal_throughput)
    names = [name for name in AgainstEveryClassical.model_fields if name in Advantage.model_fields]
    return [at_equal_throughput, *((name, "advantage over every classical", getattr(wider, name)) for name in names)]


def _dataframe(rows: list[dict[str, Any]]) -> pandas.DataFrame:
    try:
        import pandas
    except ImportError:
        raise BellqueueError("to_dataframe needs pandas, which is not installed: pip install pandas") from None
    return pandas.DataFrame(rows)


def _verdict_card(result: Result | MenuResult, section: Section) -> str:
    first, *rest = result.verdict
    edge = _GREEN if result.certified and not result.warnings else _ORANGE
    return _card(edge, first, [section], " ".join(rest))


def _card(edge: str, headline: str, sections: list[Section], note: str) -> str:
    """A headline, small tables and a note, all text escaped."""
    tables = "".join(_table(section) for section in sections)
    small = f'<div style="font-size: smaller; opacity: 0.8">{_text(note)}</div>' if note else ""
    return (
        f'<div style="border-left: 4px solid {edge}; padding-left: 0.8em; max-width: 50em">'
        f"<strong>{_text(headline)}</strong>{tables}{small}</div>"
    )


def _table(section: Section) -> str:
    heads = "".join(f"<th{_LEFT}>{_text(column)}</th>" for column in section.columns)
    head = "" if section.columns == ("", "value") else f"<thead><tr>{heads}</tr></thead>"
    rows = "".join(
        f"<tr><td{_LEFT}>{_text(name)}</td>" + "".join(f"<td{_LEFT}>{_cell(cell)}</td>" for cell in cells) + "</tr>"
        for name, cells in section.rows
    )
    return f'<table style="margin: 0.6em 0">{head}<tbody>{rows}</tbody></table>'


def _cell(cell: Cell) -> str:
    return _text(cell.value) + (f"<br><small>{_text(cell.limits)}</small>" if cell.limits else "")


def _text(text: str) -> str:
    return escape(signs(printable(text)))
