"""A plan survives being stored, and its parts and stretches are the plan itself, cut."""

from __future__ import annotations

import io
import itertools
import zipfile
from typing import Literal, cast

import numpy as np
import pytest
from bellqueue.circuits.schedule import Schedule, Setting
from bellqueue.model.errors import DataError
from bellqueue.model.trials import Sampling
from hypothesis import given
from hypothesis import strategies as st

FIELDS = {"x", "y", "alpha", "beta", "order", "shape", "rule", "block", "distribution"}

finite = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def plans(draw: st.DrawFn) -> Schedule:
    """Any plan of up to 3×4 types, 5 dimensions, 60 trials and 3 pairs to a shot, its distribution declared or not."""
    shape = (draw(st.integers(1, 3)), draw(st.integers(1, 4)))
    places = list(itertools.product(range(shape[0]), range(shape[1])))
    chosen = draw(st.lists(st.sampled_from(places), min_size=1, max_size=12))
    own = draw(st.integers(1, 4))  # angles of each basis
    angles = st.lists(finite, min_size=own, max_size=own)
    pairs = tuple(Setting.of(x, y, draw(angles), draw(angles)) for x, y in chosen)
    order = draw(st.lists(st.integers(0, len(pairs) - 1), max_size=60))
    rule = cast(Literal["random", "fixed"], draw(st.sampled_from(["random", "fixed"])))
    table = np.array(draw(st.lists(finite, min_size=len(places), max_size=len(places)))).reshape(shape)
    distribution = table if draw(st.booleans()) else None
    sampling = Sampling(rule, distribution, draw(st.integers(1, 10)), parallel=draw(st.integers(1, 3)))
    return Schedule(pairs, np.array(order, dtype=np.int64), shape, sampling)


def plan_of(order: list[int], rule: Literal["random", "fixed"], block: int = 1) -> Schedule:
    """Four settings in a given order."""
    pairs = tuple(Setting(x, y, 0.5 * x, 0.25 * y) for x in range(2) for y in range(2))
    return Schedule(pairs, np.array(order, dtype=np.int64), (2, 2), Sampling(rule, None, block))


def test_a_setting_has_as_angles_and_then_bs() -> None:
    setting = Setting.of(0, 1, [1.0, 2.0, 3.0], [4.0, 5.0, 6.0])
    assert setting == Setting(0, 1, 1.0, 4.0, (2.0, 3.0), (5.0, 6.0))
    assert setting.angles == (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)


def assert_the_same(back: Schedule, plan: Schedule) -> None:
    """Everything that is stored, whatever else the two hold."""
    assert (back.settings, back.shape, back.dimension) == (plan.settings, plan.shape, plan.dimension)
    np.testing.assert_array_equal(back.order, plan.order)
    for name in ("settings", "block", "parallel"):
        assert getattr(back.sampling, name) == getattr(plan.sampling, name)
    if plan.sampling.distribution is None:
        assert back.sampling.distribution is None
    else:
        np.testing.assert_array_equal(back.sampling.distribution, plan.sampling.distribution)


@given(plans())
def test_a_stored_plan_comes_back_as_it_was(plan: Schedule) -> None:
    back = Schedule.from_bytes(plan.to_bytes())
    assert_the_same(back, plan)
    more = {"more_alpha", "more_beta"} if plan.dimension > 2 else set()
    more |= {"parallel"} if plan.sampling.parallel > 1 else set()
    assert set(np.load(io.BytesIO(plan.to_bytes()))) == FIELDS | more  # a planar plan has those that it always had
    assert all(type(value) is int for setting in back.settings for value in (setting.x, setting.y))
    assert back.order.dtype == np.int64


def assert_told_or_the_same(raw: bytes, plan: Schedule) -> None:
    try:
        back = Schedule.from_bytes(raw)
    except DataError:
        return
    assert_the_same(back, plan)


@given(plans(), st.data())
def test_damaged_bytes_are_told_from_a_plan_or_change_nothing_of_it(plan: Schedule, data: st.DataObject) -> None:
    """A flipped byte may lie where nobody looks (a date inside the zip); everywhere else it must be noticed."""
    raw = bytearray(plan.to_bytes())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    assert_told_or_the_same(bytes(raw), plan)


@pytest.mark.parametrize("bit", [1, 128])
def test_a_damaged_name_of_what_only_some_plans_hold_is_noticed(bit: int) -> None:
    """Else more angles or the pairs to a shot would be taken for absent. One bit of every byte is flipped."""
    sampling = Sampling("random", np.full((2, 1), 0.5), parallel=2)
    pairs = tuple(Setting.of(x, 0, [1.0, 2.0], [3.0, 4.0]) for x in range(2))
    plan = Schedule(pairs, np.array([0, 1, 1, 0]), (2, 1), sampling)
    raw = plan.to_bytes()
    for place in range(len(raw)):
        assert_told_or_the_same(raw[:place] + bytes([raw[place] ^ bit]) + raw[place + 1 :], plan)


def saved_array() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.arange(4))
    return buffer.getvalue()


def other_archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("notes.txt", "no plan")
    return buffer.getvalue()


def lacking_angles() -> bytes:
    plan = Schedule((Setting.of(0, 0, [1, 2, 3], [4, 5, 6]),) * 2, np.arange(2), (1, 1), Sampling("random"))
    whole = dict(np.load(io.BytesIO(plan.to_bytes())))
    whole["more_beta"] = whole["more_beta"][:-1]
    buffer = io.BytesIO()
    np.savez(buffer, **whole)
    return buffer.getvalue()


WHOLE = plan_of([0, 1, 2, 3] * 50, "random").to_bytes()
BROKEN = {
    "empty": b"",
    "text": b"no plan",
    "head": WHOLE[:10],
    "half": WHOLE[: len(WHOLE) // 2],
    "last byte missing": WHOLE[:-1],
    "first byte missing": WHOLE[1:],
    "another array": saved_array(),
    "another zip": other_archive(),
    "angles missing": lacking_angles(),
}


@pytest.mark.parametrize("raw", BROKEN.values(), ids=BROKEN)
def test_what_is_no_plan_is_refused_in_one_line(raw: bytes) -> None:
    with pytest.raises(DataError, match="the stored settings of a run cannot be read") as refusal:
        Schedule.from_bytes(raw)
    assert "\n" not in str(refusal.value)


def test_stretches_of_random_settings_are_the_drawn_blocks() -> None:
    """Two neighbouring blocks that drew the same setting stay two stretches; the last block may be shorter."""
    order = [2, 2, 2, 2, 2, 2, 0, 0, 0, 3, 3]
    assert plan_of(order, "random", 3).runs(100) == ((2, 3), (2, 3), (0, 3), (3, 2))
    assert plan_of([1, 1, 0, 0], "random").runs(100) == ((1, 1), (1, 1), (0, 1), (0, 1))


def test_stretches_of_fixed_settings_are_as_long_as_they_can_be() -> None:
    order = [0] * 5 + [1] * 2 + [3] * 4
    assert plan_of(order, "fixed").runs(100) == ((0, 5), (1, 2), (3, 4))
    assert plan_of(order, "fixed").runs(3) == ((0, 3), (0, 2), (1, 2), (3, 3), (3, 1))


@given(plans(), st.integers(1, 20))
def test_stretches_put_together_are_the_order(plan: Schedule, longest: int) -> None:
    stretches = plan.runs(longest) if len(plan.order) else ()
    assert [setting for setting, length in stretches for _ in range(length)] == plan.order.tolist()
    assert all(1 <= length <= longest for _, length in stretches)
    if plan.sampling.settings == "random":
        assert all(length <= plan.sampling.block for _, length in stretches)


@given(plans().filter(lambda plan: len(plan.order) > 0), st.lists(st.integers(0, 60), max_size=4), st.integers(0, 99))
def test_parts_put_together_are_the_plan(plan: Schedule, cuts: list[int], seed: int) -> None:
    """Each part's record, joined in order, is the record of the whole, bit for bit."""
    count = len(plan.order)
    bits = np.random.default_rng(seed).integers(0, 2, (count, 2), dtype=np.uint8)
    edges = sorted({0, count, *(cut for cut in cuts if cut < count)})
    whole = plan.in_order(bits)
    pieces = []
    for start, stop in itertools.pairwise(edges):
        part = plan.part(range(start, stop))
        assert part.settings == plan.settings
        assert part.sampling is plan.sampling
        pieces.append(part.in_order(bits[start:stop]))
    joined = pieces[0]
    for piece in pieces[1:]:
        joined = joined + piece
    for name in "xyab":
        np.testing.assert_array_equal(getattr(joined, name), getattr(whole, name))
    assert whole.x.tolist() == [plan.settings[index].x for index in plan.order]


@pytest.mark.parametrize("count", [1, 4, 300])
def test_outcomes_come_back_in_the_order_of_the_plan(count: int) -> None:
    """Each setting's outcomes are used one after the other."""
    rng = np.random.default_rng(count)
    order = rng.integers(count, size=1000)
    plan = Schedule(tuple(Setting(index, 0, 0.0, 0.0) for index in range(count)), order, (count, 1), Sampling("random"))
    outcomes = [rng.integers(2, size=(int(shots), 2)).astype(np.uint8) for shots in plan.shots]
    waiting = [part.tolist() for part in outcomes]
    expected = [waiting[index].pop(0) for index in order.tolist()]
    trials = plan.trials(outcomes)
    assert trials.x.tolist() == order.tolist()
    assert np.column_stack([trials.a, trials.b]).tolist() == expected
    shifted = np.split(np.concatenate(outcomes), np.cumsum(plan.shots)[:-1] - 1)
    if count > 1:  # as many in all, but one too few of the first
        with pytest.raises(ValueError, match="as many outcomes as trials"):
            plan.trials(shifted)
