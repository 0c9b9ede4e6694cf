"""Costs worked out by hand from the published prices, the limits of a user, and a complete price table."""

from __future__ import annotations

import tomllib
from datetime import date
from decimal import Decimal
from importlib import resources
from types import SimpleNamespace
from typing import Any

import pytest
from bellqueue.backends.accounts.cost import (
    PriceTable,
    braket_estimate,
    dollars,
    ibm_estimate,
    over_limit,
    parse_money,
    qpu_seconds,
)
from bellqueue.backends.protocol import CostEstimate
from bellqueue.model.errors import BackendError
from hypothesis import given
from hypothesis import strategies as st

GARNET = "arn:aws:braket:eu-north-1::device/qpu/iqm/Garnet"
SV1 = "arn:aws:braket:::device/quantum-simulator/amazon/sv1"
UNLISTED = "arn:aws:braket:us-east-1::device/qpu/somebody/Novelty-1"


def _states(price: float | str, unit: str) -> SimpleNamespace:
    """What a Braket device says of its own price."""
    return SimpleNamespace(price=price, unit=unit)


def _estimate(money: str | None, seconds: float | None = None) -> CostEstimate:
    return CostEstimate(1000, 1, seconds, None if money is None else Decimal(money), "a price from somewhere")


def test_qpu_seconds_follow_ibms_formula() -> None:
    # 2 s · 1 + (250 µs + 100 µs) · 80,000 = 2 + 28
    assert qpu_seconds(80_000, 250e-6, 100e-6) == 30.0
    # 2 s · 3 + (250 µs + 1.5 µs) · 20,000 = 6 + 5.03
    assert qpu_seconds(20_000, 250e-6, 1.5e-6, sub_jobs=3) == 11.03


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -1e-6])
def test_impossible_times_are_refused(bad: float) -> None:
    with pytest.raises(BackendError, match="rep_delay is"):
        qpu_seconds(1000, bad, 1e-6)
    with pytest.raises(BackendError, match="circuit_duration is"):
        qpu_seconds(1000, 1e-6, bad)


@pytest.mark.parametrize(
    ("plan", "money"),
    [
        ("pay-as-you-go", "48"),  # 30 s · $1.60
        ("Flex", "36"),  # 30 s · $1.20, i.e. half a minute at $72
        ("premium", "24"),  # 30 s · $0.80, i.e. half a minute at $48
        ("open", "0"),
    ],
)
def test_ibm_bills_seconds_on_the_device(plan: str, money: str) -> None:
    estimate = ibm_estimate(shots=80_000, jobs=2, qpu_seconds=30.0, plan=plan)
    assert estimate.money == Decimal(money)
    assert (estimate.shots, estimate.tasks, estimate.qpu_seconds) == (80_000, 2, 30.0)
    assert "2026-" in estimate.basis
    assert "https://" in estimate.basis


def test_ibm_money_is_exact_and_only_shown_rounded_up() -> None:
    # 8.1626 s · $1.60 = $13.06016
    estimate = ibm_estimate(shots=1, jobs=1, qpu_seconds=8.1626, plan="payg")
    assert estimate.money == Decimal("13.06016")
    assert dollars(estimate.money) == "$13.07"


def test_open_plan_is_free_but_says_when_the_allowance_is_too_small() -> None:
    # 10 minutes are 600 s
    within = ibm_estimate(shots=1, jobs=1, qpu_seconds=600.0, plan="open")
    beyond = ibm_estimate(shots=1, jobs=1, qpu_seconds=600.5, plan="open")
    assert dollars(within.money) == dollars(beyond.money) == "free"
    assert "10 minutes in any 28 days" in within.basis
    assert "will be stopped" not in within.basis
    assert "will be stopped" in beyond.basis


def test_ibm_price_is_unknown_for_an_unknown_plan() -> None:
    unknown = ibm_estimate(shots=1, jobs=1, qpu_seconds=30.0, plan="gold")
    assert unknown.money is None
    assert "'gold'; known plans: pay-as-you-go, flex, premium, open" in unknown.basis
    assert unknown.qpu_seconds == 30.0


@pytest.mark.parametrize("spelt", ["pay-as-you-go", "Pay-As-You-Go", "PayGo", "PAYG", "pay as you go plan", "standard"])
def test_plans_are_found_however_they_are_spelt(spelt: str) -> None:
    price = PriceTable.load().ibm_second(spelt)
    assert price is not None
    assert price.plan == "pay-as-you-go"


@pytest.mark.parametrize("nothing", ["", "plan", "pay", "internal"])
def test_other_plans_are_not_found(nothing: str) -> None:
    assert PriceTable.load().ibm_second(nothing) is None


@pytest.mark.parametrize(
    ("device", "money"),
    [
        # 2 tasks · $0.30 + 10,000 shots · the price of a shot
        ("arn:aws:braket:us-east-1::device/qpu/ionq/Forte-1", "800.60"),
        ("arn:aws:braket:us-east-1::device/qpu/ionq/Forte-Enterprise-1", "800.60"),
        ("arn:aws:braket:eu-north-1::device/qpu/aqt/Ibex-Q1", "235.60"),
        ("arn:aws:braket:eu-north-1::device/qpu/iqm/Emerald", "16.60"),
        (GARNET, "15.10"),
        ("IQM Garnet", "15.10"),
        ("garnet", "15.10"),
        ("arn:aws:braket:us-west-1::device/qpu/rigetti/Ankaa-3", "9.60"),
        ("arn:aws:braket:us-west-1::device/qpu/rigetti/Cepheus-1-108Q", "4.85"),
    ],
)
def test_braket_qpus_bill_tasks_and_shots(device: str, money: str) -> None:
    estimate = braket_estimate(tasks=2, shots=10_000, device=device)
    assert estimate.money == Decimal(money)
    assert estimate.qpu_seconds is None
    assert "$0.30 per task" in estimate.basis
    assert "2026-" in estimate.basis


@pytest.mark.parametrize("device", [SV1, "SV1", "arn:aws:braket:::device/quantum-simulator/amazon/dm1"])
def test_braket_simulators_bill_at_least_three_seconds_a_task(device: str) -> None:
    # 4 tasks · 3 s = 12 s; 12/60 min · $0.075 = $0.015
    estimate = braket_estimate(tasks=4, shots=10_000, device=device)
    assert estimate.money == Decimal("0.015")
    assert estimate.qpu_seconds == 12.0
    assert "least time billed, 3 s per task (longer runs cost more)" in estimate.basis


def test_the_device_s_own_price_goes_before_the_table() -> None:
    # 2 · $0.30 + 10,000 · $0.002
    shot = braket_estimate(tasks=2, shots=10_000, device=GARNET, live=_states(0.002, "shot"))
    assert shot.money == Decimal("20.60")
    assert "$0.30 per task and $0.002 per shot as the device states (listed: $0.00145)" in shot.basis
    # 2 · $0.50 + 10,000 · $0.00145
    task = braket_estimate(tasks=2, shots=10_000, device=GARNET, live=_states("0.50", "task"))
    assert task.money == Decimal("15.50")
    assert "$0.50 per task as the device states" in task.basis
    # 4 · 3 s at $0.10 a minute
    minute = braket_estimate(tasks=4, shots=10_000, device=SV1, live=_states(0.1, "minute"))
    assert minute.money == Decimal("0.02")
    assert "$0.10 per minute as the device states" in minute.basis


def test_an_unlisted_qpu_is_priced_by_what_it_states_and_the_common_task_fee() -> None:
    # 2 · $0.30 + 10,000 · $0.003
    estimate = braket_estimate(tasks=2, shots=10_000, device=UNLISTED, live=_states(0.003, "shot"))
    assert estimate.money == Decimal("30.60")
    assert UNLISTED in estimate.basis


@pytest.mark.parametrize(
    ("device", "live"),
    [
        (UNLISTED, None),
        (UNLISTED, _states(0.5, "task")),
        (UNLISTED, _states(5000.0, "hour")),
        (UNLISTED, _states("soon", "shot")),
        (UNLISTED, _states(float("nan"), "shot")),
        (UNLISTED, _states(0.0, "shot")),
        (GARNET, _states(5.0, "minute")),
        ("arn:aws:braket:::device/quantum-simulator/amazon/novelty", None),
    ],
)
def test_a_braket_price_that_is_not_known_is_not_guessed(device: str, live: SimpleNamespace | None) -> None:
    estimate = braket_estimate(tasks=2, shots=10_000, device=device, live=live)
    assert estimate.money is None
    assert device in estimate.basis


def test_a_worthless_price_from_the_device_leaves_the_listed_one() -> None:
    for live in (_states(0.0, "shot"), _states(-1, "shot"), _states("?", "shot")):
        assert braket_estimate(tasks=2, shots=10_000, device=GARNET, live=live).money == Decimal("15.10")


@pytest.mark.parametrize(
    ("money", "shown"),
    [
        (None, "price unknown"),
        ("0", "free"),
        ("0.000001", "under $0.01"),
        ("0.0099", "under $0.01"),
        ("0.01", "$0.01"),
        ("0.010001", "$0.02"),
        ("0.3", "$0.30"),
        ("13.06", "$13.06"),
        ("13.0501", "$13.06"),
        ("83000", "$83000.00"),
    ],
)
def test_dollars_are_rounded_up_and_never_hide_a_cost(money: str | None, shown: str) -> None:
    assert dollars(None if money is None else Decimal(money)) == shown


@given(st.decimals(min_value="0.01", max_value="1e9", places=8))
def test_dollars_shown_are_at_least_the_cost_and_less_than_a_cent_over(money: Decimal) -> None:
    assert 0 <= parse_money(dollars(money)) - money < Decimal("0.01")


def test_reaching_a_limit_is_allowed_and_one_cent_over_is_not() -> None:
    assert over_limit(_estimate("10.00"), Decimal(10), None) is None
    refusal = over_limit(_estimate("10.01"), Decimal(10), None)
    assert refusal == "this will cost $10.01, over --max-cost $10.00; take fewer shots or raise --max-cost"
    assert over_limit(_estimate("10.000001"), Decimal(10), None) is not None
    assert over_limit(_estimate("0"), Decimal(0), None) is None
    assert over_limit(_estimate("1e-9"), Decimal(0), None) is not None


def test_qpu_seconds_have_a_limit_of_their_own() -> None:
    assert over_limit(_estimate("48", 30.0), None, 30.0) is None
    assert over_limit(_estimate("48", 30.01), None, 30.0) == (
        "this will take 30.01 QPU seconds, over --max-qpu-seconds 30; take fewer shots or raise --max-qpu-seconds"
    )
    assert over_limit(_estimate("48", 30.0), Decimal(48), 29.0) is not None
    assert over_limit(_estimate("48", 30.0), Decimal(47), 30.0) is not None
    assert over_limit(_estimate("48", 30.0), None, float("nan")) is not None


@pytest.mark.parametrize(
    ("estimate", "limits", "remedy"),
    [
        (_estimate(None, 30.0), (Decimal("10.5"), None), "--max-cost $10.50 cannot be kept"),
        (_estimate(None, 30.0), (Decimal(10), None), "give --max-qpu-seconds instead"),
        (_estimate(None, None), (Decimal(10), None), "drop --max-cost"),
        (_estimate("15.10", None), (None, 30.0), "give --max-cost instead"),
        (_estimate(None, None), (None, 30.0), "drop --max-qpu-seconds"),
    ],
)
def test_what_is_not_known_cannot_be_held_to_a_limit(
    estimate: CostEstimate, limits: tuple[Decimal | None, float | None], remedy: str
) -> None:
    refusal = over_limit(estimate, *limits)
    assert refusal is not None
    assert remedy in refusal
    assert estimate.basis in refusal
    assert "\n" not in refusal


def test_without_limits_nothing_is_refused() -> None:
    assert over_limit(_estimate(None, None), None, None) is None
    assert over_limit(_estimate("83000", 1e6), None, None) is None


@pytest.mark.parametrize(
    ("text", "money"), [("10", "10"), ("10.50", "10.5"), ("$10", "10"), (" $0.05 ", "0.05"), ("0", "0")]
)
def test_amounts_are_read_as_people_write_them(text: str, money: str) -> None:
    assert parse_money(text) == Decimal(money)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "$",
        "-1",
        "$-1",
        "-0",
        "nan",
        "inf",
        "1e3",
        "ten",
        "10 20",
        "1,50",
        "1,000",
        "10€",
        "٣",
        "9" * 40,
        "1.",
        "1_0",
    ],
)
def test_other_amounts_are_refused_in_one_line(text: str) -> None:
    with pytest.raises(BackendError, match="is not an amount in US dollars of 0 or more") as refusal:
        parse_money(text)
    assert str(refusal.value).startswith(repr(text))
    assert "write it as 10, 10.50 or $10" in str(refusal.value)


def _entries() -> list[dict[str, Any]]:
    table = tomllib.loads(resources.files("bellqueue.backends.accounts").joinpath("prices.toml").read_text("utf-8"))
    return [*table["ibm"], *table["braket"]["device"], table["braket"]["any_qpu"]]


@pytest.mark.parametrize("entry", _entries(), ids=lambda entry: entry.get("plan") or entry["name"])
def test_every_price_has_a_source_and_a_date_that_is_past(entry: dict[str, Any]) -> None:
    assert date(2026, 1, 1) <= date.fromisoformat(entry["date"]) <= date(2026, 11, 23)
    assert entry["source"].startswith("https://")
    prices = [value for key, value in entry.items() if key.startswith("usd_per_")]
    assert prices
    for price in prices:
        assert isinstance(price, str), "a TOML float would lose digits"
        assert 0 <= Decimal(price) < 10


def test_every_device_bills_either_shots_or_minutes_and_is_found_by_each_of_its_names() -> None:
    table = PriceTable.load()
    for price in table.braket:
        by_shot = (price.usd_per_task, price.usd_per_shot)
        by_time = (price.usd_per_minute, price.minimum_seconds)
        billed, not_billed = (by_shot, by_time) if price.usd_per_minute is None else (by_time, by_shot)
        assert None not in billed
        assert not_billed == (None, None)
        assert {table.braket_task(name) for name in (price.name, *price.devices)} == {price}
    for plan in table.ibm:
        assert {table.ibm_second(name) for name in (plan.plan, *plan.names)} == {plan}
        assert (plan.usd_per_second == 0) == (plan.allowance_seconds is not None)


def test_the_table_is_read_once() -> None:
    assert PriceTable.load() is PriceTable.load()
