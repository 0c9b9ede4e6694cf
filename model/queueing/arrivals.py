"""Simulated traffic: Poisson pairs with their types and service times, the same for every routing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .service import Service, moments
from .workload import Workload

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Bits = NDArray[np.bool_]

_GUIDE_BITS = (12, 18)  # least and largest size of the table that turns random bits into types
_FEW = 6  # types up to which looking for the requests of each is faster than sorting them


@dataclass(frozen=True, eq=False)
class Arrivals:
    """A block of consecutive pairs.

    Attributes:
        gaps: Time since the pair before, shape (k,).
        x, y: Types of the two requests, shape (k,).
        service_a, service_b: Their service times, shape (k,).
        a_first: Whether A's request joins first where both join one queue, shape (k,).
    """

    gaps: Floats
    x: Integers
    y: Integers
    service_a: Floats
    service_b: Floats
    a_first: Bits


def random_bits(rng: np.random.Generator, size: int) -> Integers:
    """Uniform integers in [0, 2^63), shape (size,)."""
    raw = np.asarray(rng.bit_generator.random_raw(size), dtype=np.uint64)
    return (raw >> np.uint64(1)).view(np.int64)


class Traffic:
    """Arrivals of a workload, each quantity from a stream of its own, so that the block size does not matter.

    Args:
        workload: The queueing model.
        seed: The same seed gives the same arrivals.
    """

    def __init__(self, workload: Workload, seed: int) -> None:
        gaps, types, services_a, services_b = np.random.SeedSequence(seed).spawn(4)
        self._mean_gap = 1 / workload.pair_rate
        self._gaps = np.random.default_rng(gaps)
        self._types = _Types(workload.joint, np.random.default_rng(types))
        self._services_a = _Services(workload.services_a, services_a)
        self._services_b = _Services(workload.services_b, services_b)
        self._shortest_first = workload.within_pair_order == "shortest-first"

    def draw(self, size: int) -> Arrivals:
        """The next pairs, shape (size,) each."""
        gaps = self._gaps.standard_exponential(size)
        gaps *= self._mean_gap
        x, y, a_first = self._types.draw(size)
        service_a, service_b = self._services_a.draw(x), self._services_b.draw(y)
        if self._shortest_first:
            known_a, known_b = self._services_a.known(x, service_a), self._services_b.known(y, service_b)
            a_first = (known_a < known_b) | (a_first & (known_a == known_b))
        return Arrivals(gaps, x, y, service_a, service_b, a_first)


class _Types:
    """Types from a joint table by Chen and Asau's guide table, and a fair coin from a bit that they leave over."""

    def __init__(self, joint: Floats, rng: np.random.Generator) -> None:
        self._rng = rng
        self._row, self._column = np.indices(joint.shape).reshape(2, -1)
        self._edges = np.cumsum(joint) / joint.sum()
        self._edges[np.flatnonzero(joint)[-1] :] = 1.0
        least, largest = _GUIDE_BITS
        bits = min(max(int(np.ceil(np.log2(joint.size))) + 8, least), largest)
        self._shift = 63 - bits
        ends = np.arange(2**bits + 1) / 2**bits
        self._guide = np.searchsorted(self._edges, ends[:-1], side="right")
        # A slot that an edge cuts is marked −1; its draws are looked up one by one.
        self._guide[np.searchsorted(self._edges, ends[1:], side="left") != self._guide] = -1

    def draw(self, size: int) -> tuple[Integers, Integers, Bits]:
        raw = random_bits(self._rng, size)
        code = self._guide.take(raw >> self._shift)
        cut = np.flatnonzero(code < 0)
        # The first 53 of 63 bits as a double; the last bit stays free for the coin.
        code[cut] = np.searchsorted(self._edges, (raw[cut] >> 10) * 2.0**-53, side="right")
        return self._row.take(code), self._column.take(code), (raw & 1).astype(bool)


class _Services:
    """Service times of one router's requests, a stream for each type."""

    def __init__(self, services: tuple[Service, ...], seed: np.random.SeedSequence) -> None:
        self._services = services
        self._rngs = [np.random.default_rng(child) for child in seed.spawn(len(services))]
        self._means = moments(services, 1)
        self._size_known = np.array([service.size_known for service in services])
        self._sizes = None
        if all(service.kind == "deterministic" for service in services):
            self._sizes = np.array([service.mean for service in services])

    def draw(self, types: Integers) -> Floats:
        if self._sizes is not None:
            return self._sizes.take(types)
        times = np.empty(types.size)
        if len(self._services) <= _FEW:
            for kind, (service, rng) in enumerate(zip(self._services, self._rngs, strict=True)):
                here = np.flatnonzero(types == kind)
                times[here] = service.sample(rng, here.size)
            return times
        order = np.argsort(types.astype(np.uint16), kind="stable")  # 16 bits: a radix sort
        start = 0
        for kind, count in enumerate(np.bincount(types, minlength=len(self._services)).tolist()):
            times[order[start : start + count]] = self._services[kind].sample(self._rngs[kind], count)
            start += count
        return times

    def known(self, types: Integers, times: Floats) -> Floats:
        """What is known of these requests on arrival: the service time of those whose size is, the others' mean."""
        return np.where(self._size_known.take(types), times, self._means.take(types))
