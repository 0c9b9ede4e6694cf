"""Entangled routers beyond label symmetry: partial entanglement, any measurement, biased outputs; a numerical search.

A no-signalling behaviour P(a,b|x,y) is an affine combination of deterministic router pairs, with negative weights if
it is nonlocal. Mean waiting time W and throughput τ see a behaviour through linear functionals alone (see
`asymmetric`), so its performance is that of the combination.

One pair of qubits in cos θ|00⟩ + sin θ|11⟩, measured by observables A_x = e_x + a_x·σ and B_y = f_y + b_y·σ with
eigenvalues in [−1, 1], has, up to a reflection of b, the moments

    ⟨A_x B_y⟩ = e f + cos 2θ (e b_z + f a_z) + a_z b_z + sin 2θ (a_x b_x + a_y b_y),

and those with A = 1 or B = 1 are the marginals. Shared randomness mixes such strategies with deterministic routers.
For two types at each router the mixtures of several hold every quantum behaviour (Jordan's lemma). W − κτ is not
convex in them: the search has many starts and no guarantee.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..queueing.workload import Workload
from .asymmetric import AsymmetricModel, RouterPair, router_pairs

Floats = NDArray[np.float64]

STARTS = 40
PARTS = 2  # qubit strategies that shared randomness mixes, beside deterministic router pairs

_TOLERANCE = 1e-9  # of a behaviour's probabilities
_ITERATIONS = 400  # of one descent
_REMEMBERED = 12  # steps that the descent's picture of the curvature rests on


class BehaviourModel:
    """W and τ of no-signalling behaviours, with the gradient of W − κτ.

    A behaviour is given by its moments: E[(−1)^a (−1)^b | x,y], bordered on the right by E[(−1)^a | x], below by
    E[(−1)^b | y], and by 1 in the corner; shape (…, n_A + 1, n_B + 1).

    Args:
        workload: The queueing model.
    """

    def __init__(self, workload: Workload) -> None:
        self.workload = workload
        self.shape = (workload.shape[0] + 1, workload.shape[1] + 1)
        rules = [[tuple(row) for row in np.eye(n + 1, n, dtype=int).tolist()] for n in workload.shape]
        self._routers = AsymmetricModel(workload, tuple(RouterPair(a, b) for a in rules[0] for b in rules[1]))
        self._left, self._right = (_onto_single_types(n) for n in workload.shape)

    @property
    def unbounded(self) -> bool:
        """Whether τ has no bound: one server can serve everybody, and an endless period is worth more than any."""
        return self._routers.unbounded

    def performance(self, moments: Floats) -> tuple[Floats, Floats]:
        """W and τ, shape (…); W is infinite where a server is overloaded."""
        return self._routers.performance(self._combination(moments))

    def score(self, moments: Floats, kappa: float) -> tuple[float, Floats]:
        """W − κτ of one behaviour and its gradient in the moments, shape (n_A + 1, n_B + 1)."""
        value, slope = self._routers.score(self._combination(moments), np.array(kappa))
        return float(value), self._left.T @ slope.reshape(self.shape) @ self._right

    def _combination(self, moments: Floats) -> Floats:
        """Weights of the deterministic routers, sum 1, shape (…, K)."""
        weights = self._left @ moments @ self._right.T
        return np.asarray(weights.reshape(*moments.shape[:-2], -1))


def _onto_single_types(types: int) -> Floats:
    """From moments to weights of the rules "this type to server 1, all others to 0" and "all to 0", square."""
    to_probability = np.eye(types + 1)
    to_probability[:types] *= -0.5
    to_probability[:types, types] = 0.5
    to_weights = np.eye(types + 1)
    to_weights[types, :types] = -1.0
    return np.asarray(to_weights @ to_probability)


def behaviour_moments(behaviour: ArrayLike) -> Floats:
    """Moments of P(a,b|x,y), shape (n_A, n_B, 2, 2) → (n_A + 1, n_B + 1).

    Raises:
        ValueError: no such shape, not probabilities, or one router's output depends on the other's type.
    """
    table = np.asarray(behaviour, dtype=float)
    if table.ndim != 4 or table.shape[2:] != (2, 2) or 0 in table.shape:
        raise ValueError(f"a behaviour has the shape (n_A, n_B, 2, 2), not {table.shape}")
    if not (table.min() >= -_TOLERANCE and np.abs(table.sum(axis=(2, 3)) - 1).max() <= _TOLERANCE):
        raise ValueError("a behaviour holds probabilities: none negative, and those of each pair of types sum to 1")
    signs = np.array([1.0, -1.0])
    of_a, of_b = table.sum(axis=3) @ signs, table.sum(axis=2) @ signs
    signalling = max(np.ptp(of_a, axis=1).max(), np.ptp(of_b, axis=0).max())
    if signalling > _TOLERANCE:
        raise ValueError(
            f"a router's output depends on the other's type, by {signalling:.3g}; that takes communication"
        )
    both = np.einsum("xyab,a,b->xy", table, signs, signs)
    return np.block([[both, of_a[:, :1]], [of_b[:1], np.ones((1, 1))]])


def behaviour_performance(workload: Workload, behaviour: ArrayLike) -> tuple[float, float]:
    """W and τ when each pair is routed by P(a,b|x,y), server a for request A and b for B, shape (n_A, n_B, 2, 2).

    Raises:
        ValueError: it is no no-signalling behaviour of the workload's types.
    """
    moments = behaviour_moments(behaviour)
    if moments.shape != (workload.shape[0] + 1, workload.shape[1] + 1):
        raise ValueError(f"the behaviour is of {np.shape(behaviour)[:2]} types, the workload of {workload.shape}")
    waiting, throughput = BehaviourModel(workload).performance(moments)
    return float(waiting), float(throughput)


@dataclass(frozen=True, eq=False)
class Mixture:
    """The best strategy that a search found.

    Attributes:
        kappa: κ of the search.
        waiting_time: W.
        baseline_throughput: τ.
        moments: Of the behaviour, shape (n_A + 1, n_B + 1), see `BehaviourModel`.
        entanglement: |sin 2θ| of each qubit strategy mixed: 1 for a Bell pair, 0 for a product state.
        shares: Their probabilities; deterministic routers have the rest.
        starts: How many starts the search had.
    """

    kappa: float
    waiting_time: float
    baseline_throughput: float
    moments: Floats
    entanglement: tuple[float, ...]
    shares: tuple[float, ...]
    starts: int

    @property
    def score(self) -> float:
        """W − κτ."""
        return self.waiting_time - self.kappa * self.baseline_throughput

    @property
    def behaviour(self) -> Floats:
        """P(a,b|x,y), shape (n_A, n_B, 2, 2)."""
        signs = np.array([1.0, -1.0])
        both, of_a, of_b = self.moments[:-1, :-1], self.moments[:-1, -1:], self.moments[-1:, :-1]
        a, b = signs[:, None], signs[None, :]
        return np.asarray(
            (1 + of_a[..., None, None] * a + of_b[..., None, None] * b + both[..., None, None] * a * b) / 4
        )

    @property
    def bias(self) -> float:
        """The largest |P(a=0|x) − P(a=1|x)| at either router; 0 where no server is favoured for any type."""
        return float(max(np.abs(self.moments[:-1, -1]).max(), np.abs(self.moments[-1, :-1]).max()))


def search_mixtures(
    workload: Workload,
    kappa: float,
    *,
    entangled: bool = True,
    starts: int = STARTS,
    seed: int = 0,
    watch: Callable[[int], None] = lambda done: None,
) -> Mixture | None:
    """The least W − κτ found over mixtures of PARTS qubit strategies and of deterministic router pairs.

    Args:
        workload: The queueing model.
        kappa: κ ≥ 0, waiting time paid per unit of throughput.
        entangled: False allows product states alone, which leaves asymmetric classical routers.
        starts: Random starts, each followed down to a local optimum.
        seed: Of the starts.
        watch: Told how many starts are done.

    Returns:
        The best mixture; None where τ has no bound (MODEL §1), since then W − κτ has none either.
    """
    model, family = BehaviourModel(workload), _Family(workload, PARTS, entangled)
    if model.unbounded:
        return None
    rng = np.random.default_rng(seed)

    def objective(point: Floats) -> tuple[float, Floats]:
        moments, pull_back = family.moments(point)
        value, slope = model.score(moments, kappa)
        return value, pull_back(slope)

    best, least = np.empty(0), np.inf
    for done in range(starts):
        start = _settled(family, model, family.start(rng))
        point, value = _descend(objective, start)
        if value < least:
            best, least = point, value
        watch(done + 1)
    moments = family.moments(best)[0]
    waiting, throughput = (float(value) for value in model.performance(moments))
    return Mixture(
        kappa,
        waiting,
        throughput,
        moments,
        tuple(family.entanglement(best).tolist()),
        tuple(family.shares(best)[:PARTS].tolist()),
        starts,
    )


def _descend(objective: Callable[[Floats], tuple[float, Floats]], point: Floats) -> tuple[Floats, float]:
    """A local minimum by limited-memory BFGS, with steps halved until they lower the objective enough.

    scipy's own factorises tiny matrices in BLAS threads, which on a busy machine wait for one another.
    """
    value, slope = objective(point)
    steps: list[tuple[Floats, Floats]] = []
    for _ in range(_ITERATIONS):
        direction = -_curved(steps, slope)
        fall = direction @ slope
        if fall >= 0:  # rounding has spoilt the curvature
            steps, direction, fall = [], -slope, -slope @ slope
        length = 1.0 if steps else min(1.0, 1.0 / float(np.linalg.norm(slope) + 1e-300))
        while True:
            tried = point + length * direction
            tried_value, tried_slope = objective(tried)
            if tried_value <= value + 1e-4 * length * fall:
                break
            length /= 2
            if length < 1e-12:
                return point, value
        if (tried - point) @ (tried_slope - slope) > 0:
            steps = [*steps[-_REMEMBERED + 1 :], (tried - point, tried_slope - slope)]
        settled = value - tried_value <= 1e-13 * abs(value) and np.abs(tried_slope).max() <= 1e-7 * (1 + abs(value))
        point, value, slope = tried, tried_value, tried_slope
        if settled:
            break
    return point, value


def _curved(steps: list[tuple[Floats, Floats]], slope: Floats) -> Floats:
    """The inverse Hessian that recent (step, change of slope) suggest, times the slope (two-loop recursion)."""
    result, shares = slope.copy(), []
    for step, change in reversed(steps):
        shares.append((step @ result) / (step @ change))
        result -= shares[-1] * change
    if steps:
        step, change = steps[-1]
        result *= (step @ change) / (change @ change)
    for (step, change), share in zip(steps, reversed(shares), strict=True):
        result += (share - (change @ result) / (step @ change)) * step
    return np.asarray(result)


def _settled(family: _Family, model: BehaviourModel, point: Floats) -> Floats:
    """A start, moved towards balanced servers until none is overloaded."""
    balanced = family.balanced(point)
    while np.isinf(model.performance(family.moments(point)[0])[0]):
        point = (point + balanced) / 2
    return point


class _Family:
    """The strategies searched, as functions of unbounded real parameters.

    Parameters: θ of each qubit strategy; five numbers for each observable of it, the angles whose cosines are
    its two eigenvalues and a vector along its axis; logits of all shares.

    Args:
        workload: The queueing model.
        parts: How many qubit strategies are mixed, J.
        entangled: Whether θ may differ from 0.
    """

    def __init__(self, workload: Workload, parts: int, entangled: bool) -> None:
        self.parts = parts
        self.entangled = entangled
        self.types_a, types_b = workload.shape
        self._observables = (parts, self.types_a + types_b, 5)
        self._ends = parts, parts + int(np.prod(self._observables))
        signs_a, signs_b = (
            1.0 - 2 * np.pad(np.array(rules), ((0, 0), (0, 1)))  # the border is the observable 1
            for rules in zip(*((pair.a_of_x, pair.b_of_y) for pair in router_pairs(workload)), strict=True)
        )
        self.deterministic = signs_a[:, :, None] * signs_b[:, None, :]

    def start(self, rng: np.random.Generator) -> Floats:
        """Random parameters; every other eigenvalue pair is near that of a projective measurement."""
        observables = rng.normal(size=self._observables)
        projective = rng.random(self._observables[:2]) < 0.5
        observables[..., :2] = rng.uniform(0, np.pi, observables[..., :2].shape)
        observables[projective, :2] = np.array([0, np.pi]) + rng.normal(scale=0.1, size=(projective.sum(), 2))
        theta = self.entangled * rng.uniform(0, np.pi / 2, self.parts)
        logits = rng.normal(scale=2.0, size=self.parts + len(self.deterministic))
        logits[: self.parts] += np.log(1 + len(self.deterministic))  # the few weigh about as much as the many
        return np.concatenate([theta, observables.ravel(), logits])

    def balanced(self, point: Floats) -> Floats:
        """The same axes, every output a fair coin and everything mixed evenly: both servers get half of all."""
        even = point.copy()
        self._raw(even)[..., :2] = np.pi / 2
        even[self._ends[1] :] = 0.0
        return even

    def moments(self, point: Floats) -> tuple[Floats, Callable[[Floats], Floats]]:
        """Moments of the mixture, shape (n_A + 1, n_B + 1), and the chain rule.

        The latter takes the gradient of a function in the moments to its gradient in the parameters.
        """
        raw, theta, shares = self._raw(point), point[: self.parts], self.shares(point)
        a, b = self._factors(raw)
        state = _states(theta)
        parts = np.concatenate([a @ state @ b.swapaxes(1, 2), self.deterministic])

        def pull_back(slope: Floats) -> Floats:
            worth = (parts * slope).sum(axis=(1, 2))
            weighted = shares[: self.parts, None, None] * slope
            of_a = weighted @ b @ state
            of_b = weighted.swapaxes(1, 2) @ a @ state
            of_state = a.swapaxes(1, 2) @ weighted @ b
            of_theta = self.entangled * (of_state * _state_slopes(theta)).sum(axis=(1, 2))
            of_observables = _observable_slopes(raw, np.concatenate([of_a[:, :-1], of_b[:, :-1]], axis=1))
            return np.concatenate([of_theta, of_observables.ravel(), shares * (worth - shares @ worth)])

        return (shares[:, None, None] * parts).sum(axis=0), pull_back

    def shares(self, point: Floats) -> Floats:
        """Probabilities of the qubit strategies, then of the deterministic ones."""
        logits = point[self._ends[1] :]
        weights = np.exp(logits - logits.max())
        return np.asarray(weights / weights.sum())

    def entanglement(self, point: Floats) -> Floats:
        """|sin 2θ| of each qubit strategy."""
        return np.abs(np.sin(2 * point[: self.parts]))

    def _factors(self, raw: Floats) -> tuple[Floats, Floats]:
        """Observables of routers A and B as vectors (1, z, x, y), the observable 1 last: (J, n + 1, 4) each."""
        values = np.cos(raw[..., :2])
        axis = raw[..., 2:] / np.linalg.norm(raw[..., 2:], axis=-1, keepdims=True)
        vectors = np.zeros((self.parts, raw.shape[1] + 2, 4))
        places = np.delete(np.arange(raw.shape[1] + 2), [self.types_a, -1])
        vectors[:, places, :1] = (values[..., :1] + values[..., 1:]) / 2
        vectors[:, places, 1:] = (values[..., :1] - values[..., 1:]) / 2 * axis
        vectors[:, [self.types_a, -1], 0] = 1.0
        return vectors[:, : self.types_a + 1], vectors[:, self.types_a + 1 :]

    def _raw(self, point: Floats) -> Floats:
        return point[self._ends[0] : self._ends[1]].reshape(self._observables)


def _observable_slopes(raw: Floats, slope: Floats) -> Floats:
    """From the gradient in the vectors (1, z, x, y), shape (J, n, 4), to that in their parameters, (J, n, 5)."""
    length = np.linalg.norm(raw[..., 2:], axis=-1, keepdims=True)
    axis = raw[..., 2:] / length
    values = np.cos(raw[..., :2])
    radius = (values[..., :1] - values[..., 1:]) / 2
    along = (slope[..., 1:] * axis).sum(axis=-1, keepdims=True)
    of_values = np.concatenate([slope[..., :1] + along, slope[..., :1] - along], axis=-1) / 2
    of_axis = radius / length * (slope[..., 1:] - along * axis)
    return np.concatenate([-np.sin(raw[..., :2]) * of_values, of_axis], axis=-1)


def _states(theta: Floats) -> Floats:
    """Moments of σ_i ⊗ σ_j in cos θ|00⟩ + sin θ|11⟩, order (1, z, x, y), B reflected in y: shape (J, 4, 4)."""
    cosine, sine = np.cos(2 * theta), np.sin(2 * theta)
    state = np.zeros((len(theta), 4, 4))
    state[:, 0, 0] = state[:, 1, 1] = 1.0
    state[:, 0, 1] = state[:, 1, 0] = cosine
    state[:, 2, 2] = state[:, 3, 3] = sine
    return state


def _state_slopes(theta: Floats) -> Floats:
    """Derivative of `_states` in θ."""
    slope = np.zeros((len(theta), 4, 4))
    slope[:, 0, 1] = slope[:, 1, 0] = -2 * np.sin(2 * theta)
    slope[:, 2, 2] = slope[:, 3, 3] = 2 * np.cos(2 * theta)
    return slope
