"""Words that several screens use: a pair of qubits, what a run costs, and whether to go."""

from __future__ import annotations

from decimal import Decimal

from ....analysis.design.records import CostRecord, DeviceRecord, ForecastRecord
from ....analysis.menus.forecast import MenuForecastRecord
from ....backends.accounts.cost import dollars
from ....model.printable import command_line


def pair_text(pair: tuple[int, int] | None) -> str:
    """Two qubits, or nothing."""
    return "" if pair is None else f"{pair[0]}–{pair[1]}"


def qubits_text(device: DeviceRecord) -> str:
    """The qubits of a device, to be put after something else, or nothing."""
    return "" if device.pair is None else f", qubits {pair_text(device.pair)}"


def amount(money: Decimal | None, seconds: float | None) -> str:
    """US dollars, and seconds on the device if they are known."""
    return dollars(money) + ("" if seconds is None else f", {seconds:.1f} s")


def cost_text(cost: CostRecord) -> str:
    """What a plan says of the cost."""
    return amount(None if cost.money_usd is None else Decimal(cost.money_usd), cost.qpu_seconds)


def cost_row(cost: CostRecord) -> tuple[str, str]:
    """The same as a line of a first screen."""
    return f"cost of {cost.shots} trials", cost_text(cost) + ("" if cost.qpu_seconds is None else " on the device")


def predicted_for(device: DeviceRecord) -> str:
    """What a prediction rests on, in a sentence."""
    if device.device == "none":
        return f"Predicted for {device.name}."
    return f"Predicted from the calibration of {device.name}; the run may differ."


def go_or_not(record: ForecastRecord | MenuForecastRecord, typed: str) -> str:
    """The last word of a plan, with the command that follows from it for the scenario as typed."""
    if not record.go:
        return "NO-GO."
    if record.device.device == "none":
        return "GO."
    verb = "run" if record.cost is None else "submit"
    return f"GO: {command_line(verb, *filter(None, [typed]), '--backend', record.device.name)}"
