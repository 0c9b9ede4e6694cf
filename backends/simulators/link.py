"""A simulated link: each request is served by the freshest Bell pair or by the classical fallback."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import cached_property

import numpy as np

from ...circuits.schedule import Schedule, Setting, types_of
from ...model.errors import BackendError, BellqueueError
from ...model.games.frontiers import Frontiers
from ...model.games.operating_point import OperatingPoint
from ...model.link.link import Link
from ...model.link.operation import LinkOperation, LinkPoint
from ...model.link.published import published_links
from ...model.link.simulation import sample_trials
from ...model.progress import Watch, unwatched
from ...model.scenario.file import Scenario
from ...model.scenario.link import ALTERNATIVES, LinkSpec
from ...model.suggestion import suggestion
from ...model.trials import Floats, Trials
from ..calibration.prediction import correlators_of, werner_probabilities
from ..options import parse_options
from ..protocol import Description
from .fake import FakeBackend
from .simulator import Outcomes, check_measurable
from .werner import WernerSimulator

OWN = "scenario"  # names the scenario's own [link], so that options can follow
UNIT = "time_unit_seconds"
_FIELDS = (*(field for field in LinkSpec.model_fields if field != "name"), UNIT)
PIECE = 1 << 20  # trials at once, which bounds the memory that this takes


class LinkBackend:
    """`link` or `link:scenario`, the scenario's own [link]; `link:NAME`, a published one.

    Options are fields of [link], and time_unit_seconds: `link:ustc-ions-2026,fidelity=0.95,time_unit_seconds=1`. They
    replace what the link or the scenario says; `link:rate=0.1,visibility=0.95,memory_time=100` describes a new link.
    """

    def __init__(self, argument: str | None = None) -> None:
        """Read the name and the options.

        Args:
            argument: What follows the colon, or None.

        Raises:
            BackendError: there is no such link, or no such option.
        """
        argument = OWN if argument is None else argument
        first, comma, rest = (part.strip() for part in argument.partition(","))
        if "=" in first:  # a link of its options alone
            self._published, self._options = "", parse_options("link", argument, _FIELDS)
        else:
            self._published, known = first.lower(), [OWN, *published_links()]
            self._options = parse_options(f"link:{self._published}", rest, _FIELDS) if comma else {}
            if self._published not in known:
                hint = suggestion(self._published, known, listing="bellqueue backends")
                raise BackendError(f"link: there is no published link {self._published!r}{hint}")
        typed = ",".join(f"{name}={value}" for name, value in self._options.items())
        own = self._published == OWN and not typed
        self.name = "link" if own else f"link:{','.join(filter(None, [self._published, typed]))}"

    def serving(self, scenario: Scenario) -> SimulatedLink:
        """The link for a scenario's requests.

        Raises:
            BackendError: the link is not known well enough.
        """
        try:
            return SimulatedLink(self.name, self._with_link(scenario))
        except BackendError:
            raise
        except BellqueueError as error:
            raise BackendError(f"{self.name}: {error}") from None

    def _with_link(self, scenario: Scenario) -> Scenario:
        record = scenario.record()
        options = {name: _value(self.name, name, text) for name, text in self._options.items()}
        if UNIT in options:
            record["traffic"][UNIT] = options.pop(UNIT)
        if self._published == OWN:
            if scenario.link is None:
                raise BackendError(
                    f"{self.name}: the scenario has no [link]; add one, or name a published link: "
                    f"link:{next(iter(published_links()))}"
                )
            given = scenario.link.model_dump(exclude_unset=True)
        else:
            given = {"name": self._published} if self._published else {}
        for pair in ALTERNATIVES:
            if options.keys() & set(pair):
                given = {name: value for name, value in given.items() if name not in pair}
        record["link"] = given | options
        return Scenario.parse(record, "")


class SimulatedLink:
    """A link that serves the requests of a scenario.

    Pairs are heralded and age while requests come as a Poisson process. Both routers know whether they have a pair and
    its age, and fall back together if it is too poor; a router whose detector misses falls back alone. Every trial
    counts.

    Pairs may be made and measured by another simulator. Its noise then takes the place of the link's fidelity,
    measurement fidelity and detection efficiency; the link says when there are pairs and how they age.

    Args:
        name: What a user types for it, options included.
        scenario: The scenario, which has a [link].
        pairs: Simulator that makes and measures the pairs. Defaults to Werner pairs of the link's own figures.
    """

    def __init__(self, name: str, scenario: Scenario, pairs: WernerSimulator | FakeBackend | None = None) -> None:
        self.name = name
        self._scenario, self._pairs = scenario, pairs
        self._link = Link.of(scenario)
        if pairs is not None:
            made = pairs.describe().predicted_visibility
            assert made is not None  # every simulator predicts one for a single pair
            self._link = replace(self._link, visibility=made, measurement_fidelity=1.0, detection_efficiency=1.0)

    @cached_property
    def frontiers(self) -> Frontiers:
        """The frontiers of the scenario."""
        return Frontiers.of(self._scenario)

    @cached_property
    def point(self) -> LinkPoint:
        """How the routers use the link."""
        return LinkOperation(self.frontiers).point(self._link, self._scenario)

    def operating_point(self) -> OperatingPoint:
        """The one that the scenario asks for, over this link (see `PlansItself`)."""
        point, frontiers = self.point, self.frontiers
        p, waiting = point.splitting_probability, point.waiting_time
        against = frontiers.aim(self._scenario.experiment.against)
        if against == "every-classical" and frontiers.advantage_at(p, waiting, against).waiting_time_reduction <= 0:
            against = "memoryless"
        return OperatingPoint(
            splitting_probability=p,
            waiting_time=waiting,
            baseline_throughput=point.baseline_throughput,
            multiplier=point.multiplier,
            certificate_multiplier=frontiers.classical_multiplier(p, point.multiplier, against),
            against=against,
            assumed_visibility=self._equivalent_visibility,
            strategy=frontiers.one_pair.at_multiplier(point.multiplier),
        )

    def describe(self, dimension: int = 2) -> Description:
        """The link, what the routers do with it, and the visibility of Werner pairs that would score as much."""
        point = self.point
        record = {
            "link": {field: value for field, value in asdict(self._link).items() if value is not None},
            "availability": point.availability,
            "mean_visibility_when_used": point.mean_visibility_when_used if point.availability > 0 else None,
            "least_visibility_used": point.least_visibility_used if point.least_visibility_used <= 1 else None,
            "fallback": [
                {"probability": maps.probability, "a": maps.a.tolist(), "b": maps.b.tolist()} for maps in point.fallback
            ],
        }
        pairs = self._pairs and self._pairs.describe()
        return Description(
            name=self.name,
            kind="simulator",
            device=f"simulated link with pairs of {pairs.device}" if pairs else "simulated link",
            qubits=pairs.qubits if pairs else 2,
            pair=pairs.pair if pairs else None,
            predicted_visibility=self._equivalent_visibility,
            calibration={**pairs.calibration, **record} if pairs else record,
            dimension=3,
            locality=self._caveat(),
        )

    def predict(self, settings: Sequence[Setting]) -> Floats:
        """P(a, b) of raw outcomes, averaged over the ages of pairs by formula, shape (len(settings), 2, 2)."""
        point, link = self.point, self._link
        used, efficiency = point.availability, link.detection_efficiency
        left = point.mean_visibility_when_used / link.visibility if used > 0 else 0.0
        read = (2 * link.measurement_fidelity - 1) ** 2
        fresh = self._pairs.predict(settings) if self._pairs else werner_probabilities(settings, read * link.visibility)
        x, y = types_of(settings)
        classical = np.zeros((len(settings), 2, 2))
        for maps in point.fallback:
            bits = (maps.a[x] < 0).astype(int), (maps.b[y] < 0).astype(int)
            classical[(np.arange(len(settings)), *bits)] += maps.probability
        alone = (classical.sum(axis=1, keepdims=True) + classical.sum(axis=2, keepdims=True)) / 2
        return np.asarray(
            used * efficiency**2 * (left * fresh + (1 - left) / 4)
            + used * efficiency * (1 - efficiency) * alone
            + (1 - used * (1 - link.neither_detects)) * classical
        )

    def measure(self, schedule: Schedule, seed: int, watch: Watch) -> Trials:
        """The trials of a schedule, taken in its order as requests come (see `LocalBackend.measure`).

        Raises:
            BackendError: the schedule has no trials, or the seed is negative.
        """
        check_measurable(schedule, seed)
        rng = np.random.default_rng([seed, 2])  # settings were drawn with [seed, 1]; these draws must not repeat them
        trials, parts = len(schedule.order), []
        for first in range(0, trials, PIECE):
            piece = schedule.part(range(first, min(first + PIECE, trials)))
            parts.append(self._outcomes(piece, rng))
            watch(f"measuring on {self.name}", first + len(piece.order), trials)
        return schedule.in_order(np.concatenate(parts))

    def _outcomes(self, schedule: Schedule, rng: np.random.Generator) -> Outcomes:
        """Outcomes (a, b) of trials in order, the memory empty at first, shape (N, 2)."""
        order, point = schedule.order, self.point
        ideal = correlators_of(werner_probabilities(schedule.settings, 1.0))
        x, y = types_of(schedule.settings)[:, order]
        taken = sample_trials(point, ideal[order], x, y, self.frontiers.workload.pair_rate, rng)
        bits = np.column_stack([taken.a, taken.b]).astype(np.uint8)
        used = np.flatnonzero(~np.isnan(taken.age))
        if self._pairs and used.size:
            fresh = self._pairs.measure(replace(schedule, order=order[used]), int(rng.integers(2**31)), unwatched)
            # V(t) = V₀e^(−t/T) leaves that share of pairs as they were made, and of the others noise alone.
            left = self._link.visibilities_at(taken.age[used] - self._link.delay) / self._link.visibility
            kept = rng.random(used.size) < left
            noise = rng.integers(2, size=(used.size, 2), dtype=np.uint8)
            bits[used] = np.where(kept[:, None], np.column_stack([fresh.a, fresh.b]), noise)
        return bits

    @property
    def _equivalent_visibility(self) -> float:
        """Visibility at which Werner pairs, one for every request, would score as much at the point's multiplier."""
        point, game = self.point, self.frontiers.game(self.point.multiplier).matrix
        ideal, fallback = (float((game * table).sum()) for table in (point.correlators, point.fallback_correlators))
        used = point.availability * (point.mean_visibility_when_used if point.availability > 0 else 0.0)
        share = 1 - point.availability * (1 - self._link.neither_detects)
        return self._link.read_out * used + share * fallback / ideal if ideal > 0 else used

    def _caveat(self) -> str:
        """What a reader must know; with one place in memory trials are independent, for it is empty after each."""
        made = f" with pairs of {self.name}" if self._pairs else ""
        shared = (
            "" if self._link.buffer == 1 else " Trials share the memory: what takes them to be independent is rough."
        )
        return (
            f"The link is simulated{made}, so a signal is not ruled out; by formula "
            f"{100 * self.point.availability:.3g} % of requests get a Bell pair, and the others fall back. "
            f"Waiting times leave out that pairs are likelier after a long gap.{shared}"
        )


def _value(name: str, option: str, text: str) -> float | int:
    try:
        return int(text) if option == "buffer" else float(text)
    except ValueError:
        kind = "whole number" if option == "buffer" else "number"
        raise BackendError(f"{name}: {option}={text} is not a {kind}") from None
