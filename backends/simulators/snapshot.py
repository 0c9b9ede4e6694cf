"""A device's snapshot, read from the files of qiskit-ibm-runtime without importing it, which takes most of a second."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qiskit.transpiler import Target

_Values = Mapping[str, tuple[Any, ...]]


@dataclass(frozen=True)
class Properties:
    """What the calibration says, in seconds and hertz, by the names that qiskit-ibm-runtime gives it.

    Attributes:
        last_update_date: Time of the calibration.
        qubits: For each qubit, name → (value,).
    """

    last_update_date: datetime
    qubits: tuple[_Values, ...]

    def qubit_property(self, qubit: int) -> _Values:
        """Name → (value,) of a qubit."""
        return self.qubits[qubit]


class Snapshot:
    """A snapshot that is installed.

    Args:
        name: Its folder, for example "torino".
    """

    def __init__(self, name: str) -> None:
        self.name = f"fake_{name}"
        folder = snapshot_folder() / name
        self._configuration = _read(folder / f"conf_{name}.json")
        calibration = _read(folder / f"props_{name}.json")
        self._gates = calibration["gates"]
        date = datetime.fromisoformat(calibration["last_update_date"])
        self._properties = Properties(date, tuple(map(_values, calibration["qubits"])))

    def properties(self) -> Properties:
        """The calibration of its qubits."""
        return self._properties

    @cached_property
    def target(self) -> Target:
        """The basis gates and the readout of all qubits and gates that work, with errors and durations."""
        from qiskit.circuit.library.standard_gates import get_standard_gate_name_mapping
        from qiskit.providers.backend import QubitProperties
        from qiskit.transpiler import InstructionProperties, Target

        qubits = self._properties.qubits
        target = Target(
            num_qubits=len(qubits),
            dt=self._configuration["dt"] * 1e-9 if "dt" in self._configuration else None,
            qubit_properties=[
                QubitProperties(*(qubit.get(name, (None,))[0] for name in ("T1", "T2", "frequency")))
                for qubit in qubits
            ],
        )
        working = {index for index, qubit in enumerate(qubits) if _operational(qubit)}
        gates = get_standard_gate_name_mapping()
        entries: dict[str, dict[tuple[int, ...], InstructionProperties]] = {
            name: {} for name in self._configuration["basis_gates"] if name in gates
        }
        for gate in self._gates:
            values = _values(gate["parameters"])
            if gate["gate"] in entries and working.issuperset(gate["qubits"]) and _operational(values):
                error, length = (values.get(name, (None,))[0] for name in ("gate_error", "gate_length"))
                entries[gate["gate"]][tuple(gate["qubits"])] = InstructionProperties(error=error, duration=length)
        for name, places in entries.items():
            if places:
                target.add_instruction(gates[name], places, name=name)
        readout = {
            (qubit,): InstructionProperties(
                error=qubits[qubit]["readout_error"][0], duration=qubits[qubit].get("readout_length", (None,))[0]
            )
            for qubit in sorted(working)
            if "readout_error" in qubits[qubit]
        }
        target.add_instruction(gates["measure"], readout, name="measure")
        return target


def snapshot_folder() -> Path:
    """Where the snapshots are, one folder each; it does not exist if qiskit-ibm-runtime is missing."""
    spec = find_spec("qiskit_ibm_runtime")
    places = spec.submodule_search_locations if spec else None
    return Path(places[0] if places else "/nonexistent", "fake_provider", "backends")


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _values(entries: list[dict[str, Any]]) -> _Values:
    """Name → (value in SI units,)."""
    from qiskit.utils.units import apply_prefix

    return {entry["name"]: (apply_prefix(entry["value"], entry["unit"]),) for entry in entries}


def _operational(values: _Values) -> bool:
    return bool(values.get("operational", (True,))[0])
