"""Settings to measure, and what to compare the outcomes with, for the tests of every simulator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from bellqueue.backends import LocalBackend, RemoteBackend
from bellqueue.circuits.qiskit_circuit import angle_parameters, bell_circuit
from bellqueue.circuits.schedule import Schedule, Setting
from bellqueue.circuits.tsirelson import angle_names
from bellqueue.model.games.strategy import Floats, hyperspherical_angles
from bellqueue.model.progress import unwatched
from bellqueue.model.trials import Sampling, Trials

SIGNS = np.array([[1, -1], [-1, 1]])
CHSH = tuple(
    Setting(x, y, alpha, beta)
    for x, alpha in enumerate((0.0, np.pi / 2))
    for y, beta in enumerate((np.pi / 4, -np.pi / 4))
)


def chsh_plan(trials: int) -> Schedule:
    """The four CHSH settings, in a drawn order and unequally often."""
    order = np.random.default_rng(5).choice(4, size=trials, p=[0.4, 0.3, 0.2, 0.1])
    return Schedule(CHSH, order, (2, 2), Sampling("random"))


def measured(backend: LocalBackend | RemoteBackend, plan: Schedule, seed: int = 11) -> Trials:
    assert isinstance(backend, LocalBackend)
    return backend.measure(plan, seed, unwatched)


def vectors(dimension: int, count: int, seed: int = 1) -> tuple[Floats, Floats]:
    """Random unit vectors of both routers."""
    drawn = np.random.default_rng(seed).normal(size=(2, count, dimension))
    u, v = drawn / np.linalg.norm(drawn, axis=2, keepdims=True)
    return u, v


def settings_for(u: Floats, v: Floats) -> list[Setting]:
    """The settings that measure the pairs (u_i, v_i)."""
    rows = zip(hyperspherical_angles(u).tolist(), hyperspherical_angles(v).tolist(), strict=True)
    return [Setting.of(0, y, a, b) for y, (a, b) in enumerate(rows)]


def shares(outcomes: Sequence[np.ndarray]) -> np.ndarray:
    """The share of each pair of outcomes in each setting, shape (n, 2, 2)."""
    counts = [np.bincount(2 * each[:, 0] + each[:, 1], minlength=4).reshape(2, 2) for each in outcomes]
    return np.array([table / table.sum() for table in counts])


def basis_state(flipped: int, dimension: int) -> Any:
    """|10…⟩ (0 flipped) or |01…⟩ in place of the Bell pairs, with all parameters of their circuit on the last qubit."""
    from qiskit import QuantumCircuit
    from qiskit.circuit import Parameter

    circuit = QuantumCircuit(2 * max(1, dimension // 2), 2)
    circuit.x(flipped)
    for name in angle_names(dimension):
        circuit.ry(Parameter(name), circuit.num_qubits - 1)
    circuit.measure([0, 1], [0, 1])
    return circuit


def whole_device(device: Any, qubits: Sequence[int], setting: Setting) -> np.ndarray:
    """P(a, b) the usual way: all qubits of the device with their noise, and readout in both directions."""
    from qiskit.transpiler import generate_preset_pass_manager
    from qiskit_aer import AerSimulator

    passes = generate_preset_pass_manager(
        optimization_level=3, backend=device, initial_layout=list(qubits), seed_transpiler=0
    )
    circuit = passes.run(bell_circuit(setting.dimension, chained=True).remove_final_measurements(inplace=False))
    bound = circuit.assign_parameters(dict(zip(angle_parameters(circuit), setting.angles, strict=True)))
    bound.save_probabilities(list(qubits[:2]))
    result = AerSimulator.from_backend(device, method="density_matrix").run(bound, shots=1).result()
    table = result.data(0)["probabilities"].reshape(2, 2).T
    readout = []
    for qubit in qubits[:2]:
        values = device.properties().qubit_property(qubit)
        up, down = values["prob_meas1_prep0"][0], values["prob_meas0_prep1"][0]
        readout.append(np.array([[1 - up, up], [down, 1 - down]]))
    return np.asarray(readout[0].T @ table @ readout[1])
