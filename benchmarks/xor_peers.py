"""The values of XOR games by other tools: toqito, cvxpy with SCS or Clarabel, and HiGHS."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from ._measure import version_of

Floats = NDArray[np.float64]

APART = Path(sys.prefix) / "toqito"  # where `make bench` installs it
SDP_SOLVERS = {"SCS": "scs", "Clarabel": "clarabel"}
# Of a value relative to Σ|G|. The first-order methods stop at residuals of 1e-5, Clarabel at 1e-8; a value is off by a
# multiple of the residuals, since the constraints are met as inexactly.
TOLERANCE = {"SCS": 2e-5, "toqito": 2e-5, "Clarabel": 5e-6}


def sdp_value(matrix: Floats, solver: str) -> float:
    """β_Q by cvxpy: max Σ G X_AB over X ⪰ 0 with unit diagonal. Of this problem and its dual the one solved sooner."""
    import cvxpy

    rows, columns = matrix.shape
    gram = cvxpy.Variable((rows + columns, rows + columns), PSD=True)
    value = cvxpy.sum(cvxpy.multiply(matrix, gram[:rows, rows:]))
    problem = cvxpy.Problem(cvxpy.Maximize(value), [cvxpy.diag(gram) == 1])
    return float(problem.solve(solver=solver.upper()))


def toqito_quantum_value(matrix: Floats) -> float:
    """β_Q by toqito, whose games have probabilities |G| and win with probability (1 + β)/2."""
    return float(2 * _toqito_game(matrix).quantum_value() - 1) * float(np.abs(matrix).sum())


def toqito_classical_value(matrix: Floats) -> float:
    """β_C by toqito, which tries all strategies of one side."""
    return float(2 * _toqito_game(matrix).classical_value() - 1) * float(np.abs(matrix).sum())


def _toqito_game(matrix: Floats) -> Any:
    from toqito.nonlocal_games.xor_game import XORGame

    return XORGame(np.abs(matrix) / np.abs(matrix).sum(), (matrix < 0).astype(int))


def has_toqito() -> bool:
    """Whether toqito and what it needs are installed: in a folder of its own, since it needs another numpy."""
    if str(APART) not in sys.path and APART.is_dir():
        sys.path.append(str(APART))
    return all(map(version_of, ("toqito", "cvxpy", "picos", "scs")))


@dataclass(frozen=True)
class Interval:
    """Value found and value proved, and whether the search finished, so that they are the same."""

    low: float
    high: float
    finished: bool


def milp_value(matrix: Floats, seconds: float) -> Interval:
    """β_C by HiGHS through scipy: bits x, y and d = x XOR y relaxed, of which G's sign keeps the right two bounds.

    Σ G a b = Σ G (1 − 2d): where G > 0 it is d ≥ |x − y| that binds, where G < 0 d ≤ min(x + y, 2 − x − y).
    """
    scale = float(np.abs(matrix).sum()) / 1000  # HiGHS stops at an absolute gap of 1e-6, whatever else it is asked
    matrix = matrix / scale
    rows, columns = matrix.shape
    x, y = (index.ravel() for index in np.indices(matrix.shape))
    signs, cells = np.sign(matrix.ravel()), matrix.size
    at_x, at_y = (sparse.coo_array((np.ones(cells), (np.arange(cells), where)), shape=(cells, size)).tocsr()
                  for where, size in ((x, rows), (y, columns)))  # fmt: skip
    positive = sparse.diags_array((signs > 0).astype(float))
    negative = sparse.diags_array((signs < 0).astype(float))
    difference = sparse.eye_array(cells)
    # Rows of a constraint A·(x, y, d) ≤ limit; those of the other sign are empty.
    blocks = [
        (sparse.hstack([positive @ at_x, -(positive @ at_y), -(positive @ difference)]), np.zeros(cells)),
        (sparse.hstack([-(positive @ at_x), positive @ at_y, -(positive @ difference)]), np.zeros(cells)),
        (sparse.hstack([-(negative @ at_x), -(negative @ at_y), negative @ difference]), np.zeros(cells)),
        (sparse.hstack([negative @ at_x, negative @ at_y, negative @ difference]), np.full(cells, 2.0)),
    ]
    upper = np.ones(rows + columns + cells)
    upper[0] = 0.0  # both signs of all may be exchanged
    found = milp(
        np.concatenate([np.zeros(rows + columns), 2 * matrix.ravel()]),
        integrality=np.concatenate([np.ones(rows + columns), np.zeros(cells)]),
        bounds=Bounds(0.0, upper),
        constraints=[LinearConstraint(block, -np.inf, limit) for block, limit in blocks],
        options={"time_limit": seconds, "mip_rel_gap": 1e-9},
    )
    total = float(matrix.sum())
    low = -np.inf if found.x is None else total - float(found.fun)
    high = float(np.abs(matrix).sum()) if found.mip_dual_bound is None else total - float(found.mip_dual_bound)
    return Interval(low * scale, high * scale, found.status == 0)
