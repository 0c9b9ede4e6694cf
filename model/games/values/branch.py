"""Branch and bound for the classical value of large XOR games: max Σ G a_x b_y, proved (MODEL §2).

Rows and columns are N = n_A + n_B signs s, and Σ G a_x b_y = sᵀCs with C half of G and half of its transpose. Every
relation s_i = ±s_j that a branch adopts merges two signs into one, so a node is a smaller problem of the same kind.

The bound of a node: among three signs t_1 s_i, t_2 s_j, t_3 s_l the sum is never 0, a *triangle inequality*
⟨T, ssᵀ⟩ ≥ −1 for T half of ttᵀ off its diagonal. For any y and any z ≥ 0, with M = C + Σ z T − diag(y),

    sᵀCs ≤ Σy + Σz + N·max(0, λ_max(M)),

which holds however poor y and z are. They are found by minimising the smooth function Σy + Σz + ‖M₊‖²/2α + αN²/2
over the inequalities that are violated at its X = M₊/α (for max-cut: Krislock, Malick and Roupin, Math. Program. 143,
2014). Where z rests on inequalities that a strategy s meets with equality and y = s·(C + ΣzT)s, the bound is the score
of s itself as soon as M has no positive eigenvalue: then s is proved optimal to rounding.
"""

from __future__ import annotations

import heapq
import time
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from .xor_game import ROUNDING

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

SMALL = 12  # signs of a node that are tried one by one instead of bounded
_PAIRS = ((0, 1), (0, 2), (1, 2))
_TRIANGLES = np.array([[1.0, 1.0, 1.0], [1.0, 1.0, -1.0], [1.0, -1.0, 1.0], [-1.0, 1.0, 1.0]])
_NEW_PER_SIGN = 8  # violated inequalities added per sign and round
_VIOLATION = 0.01  # least violation worth adding
_ROOT_ROUNDS = (3, 30)  # rounds before slow progress ends a relaxation, and rounds at most: at the root, elsewhere
_ROUNDS = (1, 8)
_STARTS = 300  # random sign vectors polished before the search
_ROUNDINGS = 30  # random hyperplanes per round


@dataclass(frozen=True, eq=False)
class Search:
    """What branch and bound found.

    Attributes:
        signs: The best strategy, row signs before column signs, shape (n_A + n_B,).
        low: Its score.
        high: An upper bound on every score, rounding included.
        nodes: Nodes bounded.
        seconds: Time allowed.
        finished: Whether `high` is within the tolerance of `low`; False where time ran out.
    """

    signs: Floats
    low: float
    high: float
    nodes: int
    seconds: float
    finished: bool

    @property
    def method(self) -> str:
        """How the interval was found, and how much of it is unproved where time ran out."""
        width = (self.high - self.low) / self.low
        if self.finished:
            return f"branch and bound, {self.nodes} nodes, gap {100 * width:.2g} %"
        return f"branch and bound, gap {100 * width:.2g} %, stopped after {self.seconds:g} s"


@dataclass(frozen=True, eq=False)
class _Cuts:
    """Triangle inequalities ⟨T, X⟩ ≥ −1 among `count` signs: members i < j < l and their signs t, both (k, 3)."""

    count: int
    members: Indices
    signs: Floats

    @cached_property
    def _places(self) -> Indices:
        """Position of each pair of members in a flattened matrix, shape (3, k)."""
        return np.array([self.members[:, i] * self.count + self.members[:, j] for i, j in _PAIRS])

    @cached_property
    def _products(self) -> Floats:
        return np.array([self.signs[:, i] * self.signs[:, j] for i, j in _PAIRS])

    @cached_property
    def keys(self) -> Indices:
        """One integer per inequality, the same for t and −t."""
        kinds = 2 * (self._products[0] > 0) + (self._products[1] > 0)
        return np.asarray((self._places[0] * self.count + self.members[:, 2]) * 4 + kinds)

    def combined(self, weights: Floats) -> Floats:
        """Σ z T, shape (count, count)."""
        entries = (self._products * (weights / 2)).ravel()
        upper = np.bincount(self._places.ravel(), entries, self.count**2).reshape(self.count, self.count)
        return np.asarray(upper + upper.T)

    def slack(self, gram: Floats) -> Floats:
        """1 + ⟨T, X⟩ of each inequality."""
        return np.asarray(1 + (self._products * gram.ravel()[self._places]).sum(axis=0))

    def select(self, chosen: NDArray[np.bool_]) -> _Cuts:
        return _Cuts(self.count, self.members[chosen], self.signs[chosen])

    def joined(self, other: _Cuts) -> _Cuts:
        return _Cuts(
            self.count, np.concatenate([self.members, other.members]), np.concatenate([self.signs, other.signs])
        )


@dataclass(frozen=True, eq=False)
class _Node:
    """A problem over `len(matrix)` signs r, with s = sign · r[place] for the original ones, and its dual point."""

    matrix: Floats
    place: Indices
    sign: Floats
    bound: float
    y: Floats
    cuts: _Cuts
    z: Floats
    alpha: float


def branch_and_bound(matrix: Floats, *, tolerance: float, gap: float, seconds: float) -> Search:
    """The classical value of G, shape (n_A, n_B), to within max(tolerance, gap·value), unless time runs out.

    Hyperplanes and starts are drawn from a fixed seed, so that a search repeated gives the same.

    Args:
        matrix: G; not all zero.
        tolerance: Absolute difference below which two scores count as equal.
        gap: Relative difference at which to stop.
        seconds: Time after which to stop with what is proved by then.
    """
    scale = 2.0 ** np.frexp(np.abs(matrix).max())[1]  # a power of two, so that nothing is rounded
    tree = _Tree(matrix / scale, tolerance / scale, gap, time.monotonic() + seconds)
    nodes = tree.grow()
    high = float(max(tree.high, tree.value))
    finished = high - tree.value <= tree.tolerance
    return Search(tree.signs, tree.value * scale, high * scale, nodes, seconds, finished)


class _Tree:
    """The best strategy so far and the open nodes, the largest bound first."""

    def __init__(self, matrix: Floats, tolerance: float, gap: float, deadline: float) -> None:
        rows, columns = matrix.shape
        self.matrix = np.block([[np.zeros((rows, rows)), matrix / 2], [matrix.T / 2, np.zeros((columns, columns))]])
        self.rng = np.random.default_rng(0)
        self.deadline = deadline
        self.settled = -np.inf  # largest bound of the nodes that are closed
        self.value, self.signs = -np.inf, np.ones(rows + columns)
        self._smallest, self._gap = tolerance, gap
        everyone = np.arange(rows + columns)
        starts = np.where(self.rng.random((_STARTS, rows + columns)) < 0.5, -1.0, 1.0)
        self._adopt(_polished(self.matrix, starts), everyone, self.signs)
        root = self._node(everyone, np.ones(rows + columns), float(np.abs(matrix).sum()))
        root = replace(root, bound=min(root.bound, _bound_at(root, self.signs)))
        self.open: list[tuple[float, int, _Node]] = [(-root.bound, 0, root)]

    @property
    def tolerance(self) -> float:
        return max(self._smallest, self._gap * self.value)

    @property
    def high(self) -> float:
        """An upper bound on every score."""
        return max(self.settled, -self.open[0][0]) if self.open else self.settled

    def grow(self) -> int:
        """Close nodes until the bound meets the best score or time is up; the number of nodes bounded."""
        count = serial = 0
        while self.open and self.high > self.value + self.tolerance and time.monotonic() < self.deadline:
            node = heapq.heappop(self.open)[2]
            node = self._reduced(node)
            count += 1
            if len(node.matrix) <= SMALL:
                self._exhaust(node)
                continue
            node, gram = self._relaxed(node, *(_ROOT_ROUNDS if count == 1 else _ROUNDS))
            if node.bound <= self.value + self.tolerance:
                self.settled = max(self.settled, node.bound)
                continue
            i, j = _undecided(gram)
            for relation in (1.0, -1.0):
                serial += 1
                heapq.heappush(self.open, (-node.bound, serial, self._merged(node, i, j, relation)))
        return count

    def _adopt(self, candidates: Floats, place: Indices, sign: Floats) -> None:
        """Keep the best of these strategies, shape (k, signs of the node), if it beats the best so far."""
        full = candidates[:, place] * sign
        values = np.einsum("ki,ki->k", full @ self.matrix, full)
        top = int(values.argmax())
        if values[top] > self.value:
            self.value, self.signs = float(values[top]), full[top]

    def _node(self, place: Indices, sign: Floats, bound: float) -> _Node:
        """A node without inequalities. Its matrix is summed from the original one, so that rounding never builds up."""
        count = int(place.max()) + 1
        members = np.zeros((len(place), count))
        members[np.arange(len(place)), place] = sign
        matrix = members.T @ self.matrix @ members
        none = _Cuts(count, np.zeros((0, 3), dtype=np.intp), np.zeros((0, 3)))
        alpha = 0.01 * 2 * float(np.abs(self.matrix).sum()) / len(place) ** 2
        return _Node(matrix, place, sign, bound, np.abs(matrix).sum(axis=1), none, np.zeros(0), alpha)

    def _merged(self, node: _Node, i: int, j: int, relation: float) -> _Node:
        """The node with r_j = relation · r_i adopted, its dual point carried over."""
        place = np.arange(len(node.matrix))
        place[j] = i
        place -= place > j
        sign = np.ones(len(node.matrix))
        sign[j] = relation
        child = self._node(place[node.place], node.sign * sign[node.place], node.bound)
        members, signs = place[node.cuts.members], node.cuts.signs * sign[node.cuts.members]
        order = np.argsort(members, axis=1)
        members, signs = np.take_along_axis(members, order, 1), np.take_along_axis(signs, order, 1)
        cuts, z = _Cuts(len(child.matrix), members, signs), node.z
        distinct = (members[:, 0] < members[:, 1]) & (members[:, 1] < members[:, 2])
        _, first = np.unique(cuts.keys, return_index=True)
        distinct &= np.isin(np.arange(len(z)), first)
        y = np.asarray(np.bincount(place, node.y, len(child.matrix)), dtype=float)
        return replace(child, y=y, cuts=cuts.select(distinct), z=z[distinct], alpha=node.alpha)

    def _reduced(self, node: _Node) -> _Node:
        """Merge every sign that one other decides: |C_ij| at least the sum of the rest of row i."""
        while len(node.matrix) > 1:
            weights = np.abs(node.matrix)
            np.fill_diagonal(weights, 0.0)
            decider = weights.argmax(axis=1)
            margin = 2 * weights.max(axis=1) - weights.sum(axis=1)
            i = int(margin.argmax())
            if margin[i] < 0:
                return node
            j = int(decider[i]) if int(decider[i]) != i else (i + 1) % len(weights)
            node = self._merged(node, j, i, 1.0 if node.matrix[i, j] >= 0 else -1.0)
        return node

    def _exhaust(self, node: _Node) -> None:
        count = len(node.matrix) - 1
        codes = np.arange(2**count)[:, None] >> np.arange(count) & 1
        signs = np.hstack([np.ones((2**count, 1)), 1.0 - 2.0 * codes])
        values = np.einsum("ki,ki->k", signs @ node.matrix, signs)
        self._adopt(signs[[int(values.argmax())]], node.place, node.sign)
        self.settled = max(self.settled, min(node.bound, float(values.max())))

    def _relaxed(self, node: _Node, patience: int, rounds: int) -> tuple[_Node, Floats]:
        """Better y, z and bound of a node, and the X of the relaxation; strategies are read off it on the way."""
        count = len(node.matrix)
        before = node.bound
        for turn in range(rounds):
            y, z = _descended(node, self.deadline)
            eigenvalues, vectors = np.linalg.eigh(_shifted(node, y, z))
            positive = np.maximum(eigenvalues, 0.0)
            gram = (vectors * positive) @ vectors.T
            lengths = np.sqrt(np.maximum(np.diag(gram), np.finfo(float).tiny))
            gram /= np.outer(lengths, lengths)
            half = vectors * np.sqrt(positive)
            rounded = np.where(self.rng.normal(size=(_ROUNDINGS, count)) @ half.T >= 0, 1.0, -1.0)
            rounded = _polished(node.matrix, rounded)
            self._adopt(rounded, node.place, node.sign)
            spectral = float(y.sum() + z.sum() + count * max(eigenvalues[-1], 0.0))
            node = replace(node, y=y, z=z, bound=min(node.bound, spectral + _rounding_error(node, y, z)))
            values = np.einsum("ki,ki->k", rounded @ node.matrix, rounded)
            node = replace(node, bound=min(node.bound, _bound_at(node, rounded[int(values.argmax())])))
            gained, before = before - node.bound, node.bound
            if node.bound <= self.value + self.tolerance or time.monotonic() > self.deadline:
                break
            if turn > patience and gained < 0.05 * (node.bound - self.value):
                break
            node = _with_violated(node, gram)
        return node, gram


def _shifted(node: _Node, y: Floats, z: Floats) -> Floats:
    """M = C + Σ z T − diag(y)."""
    matrix = node.matrix + node.cuts.combined(z)
    matrix.flat[:: len(matrix) + 1] -= y
    return np.asarray(matrix)


def _descended(node: _Node, deadline: float) -> tuple[Floats, Floats]:
    """y, z ≥ 0 after some quasi-Newton steps on the smooth function."""
    count, alpha = len(node.matrix), node.alpha

    def smooth(point: Floats) -> tuple[float, Floats]:
        y, z = point[:count], point[count:]
        eigenvalues, vectors = np.linalg.eigh(_shifted(node, y, z))
        first = int(np.searchsorted(eigenvalues, 0.0))
        eigenvalues, vectors = eigenvalues[first:], vectors[:, first:]
        gram = (vectors * eigenvalues) @ vectors.T / alpha
        value = float(point.sum() + eigenvalues @ eigenvalues / (2 * alpha) + alpha / 2 * count**2)
        return value, np.concatenate([1 - np.diag(gram), node.cuts.slack(gram)])

    def halt(_: Floats) -> None:
        if time.monotonic() > deadline:
            raise StopIteration

    limits = [(None, None)] * count + [(0.0, None)] * len(node.z)
    found = minimize(
        smooth,
        np.concatenate([node.y, node.z]),
        jac=True,
        method="L-BFGS-B",
        bounds=limits,
        callback=halt,
        options={"maxiter": 30, "ftol": 1e-7},
    )
    return found.x[:count], np.maximum(found.x[count:], 0.0)


def _bound_at(node: _Node, signs: Floats) -> float:
    """The bound whose y and z fit one strategy: its own score, where no eigenvalue of M is positive."""
    tight = node.cuts.slack(np.outer(signs, signs)) < 1
    z = np.where(tight, node.z, 0.0)
    y = signs * ((node.matrix + node.cuts.combined(z)) @ signs)
    largest = float(np.linalg.eigvalsh(_shifted(node, y, z))[-1])
    return float(y.sum() + z.sum() + len(y) * max(largest, 0.0)) + _rounding_error(node, y, z)


def _rounding_error(node: _Node, y: Floats, z: Floats) -> float:
    """A bound on the rounding of Σy + Σz + N·λ_max(M): each entry of M sums at most 4N terms, LAPACK adds its own."""
    size = np.linalg.norm(np.abs(node.matrix)) + np.linalg.norm(y) + 2 * np.sqrt(3) * z.sum()
    return float(ROUNDING * len(y) ** 2 * size)


def _with_violated(node: _Node, gram: Floats) -> _Node:
    """The node with the inequalities most violated at X added and the idle ones dropped; α falls once few are left."""
    count = len(gram)
    used = (node.z > 1e-7 * node.z.max(initial=0.0)) | (node.cuts.slack(gram) < 0.02)
    kept = node.cuts.select(used)
    most = _NEW_PER_SIGN * count
    violated = _violated(gram, most)
    fresh = violated.select(~np.isin(violated.keys, kept.keys))
    floor = 1e-7 * float(np.abs(node.matrix).sum()) / count**2
    alpha = max(node.alpha * (0.3 if len(violated.members) < count // 2 else 1.0), floor)
    z = np.concatenate([node.z[used], np.zeros(len(fresh.members))])
    return replace(node, cuts=kept.joined(fresh), z=z, alpha=alpha)


def _violated(gram: Floats, most: int) -> _Cuts:
    """The `most` triangle inequalities that X violates most, by more than _VIOLATION."""
    count = len(gram)
    slacks, members, kinds = [], [], []
    for i in range(count - 2):
        rest = gram[i + 1 :, i + 1 :]
        first, second, upper = gram[i, i + 1 :, None], gram[i, None, i + 1 :], np.tri(len(rest), dtype=bool).T
        np.fill_diagonal(upper, False)
        for kind, signs in enumerate(_TRIANGLES):
            slack = 1 + signs[0] * signs[1] * first + signs[0] * signs[2] * second + signs[1] * signs[2] * rest
            j, l = np.nonzero((slack < -_VIOLATION) & upper)  # noqa: E741
            slacks.append(slack[j, l])
            members.append(np.column_stack([np.full(len(j), i), j + i + 1, l + i + 1]))
            kinds.append(np.full(len(j), kind))
    slack, member, kind_of = np.concatenate(slacks), np.concatenate(members), np.concatenate(kinds)
    worst = np.argsort(slack, kind="stable")[:most]
    return _Cuts(count, member[worst], _TRIANGLES[kind_of[worst]])


def _undecided(gram: Floats) -> tuple[int, int]:
    """The sign tied best to all others, and the one whose relation to it is most open."""
    i = int((gram**2).sum(axis=1).argmax())
    relation = np.abs(gram[i])
    relation[i] = np.inf
    j = int(relation.argmin())
    return min(i, j), max(i, j)


def _polished(matrix: Floats, signs: Floats) -> Floats:
    """Each row of `signs` after flipping, one at a time, the sign that gains most."""
    signs = signs.copy()
    diagonal = np.diag(matrix)
    rows = np.arange(len(signs))
    least = ROUNDING * np.abs(matrix).sum()  # a gain below rounding could go round in circles
    for _ in range(signs.shape[1] ** 2):
        gains = diagonal - signs * (signs @ matrix)
        top = gains.argmax(axis=1)
        gaining = gains[rows, top] > least
        if not gaining.any():
            break
        signs[rows[gaining], top[gaining]] *= -1
    return signs
