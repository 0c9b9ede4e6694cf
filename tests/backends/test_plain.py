"""What a provider says, before it reaches a terminal or a record."""

from __future__ import annotations

import unicodedata

import pytest
from bellqueue.backends.protocol import CostEstimate, Description, JobStatus, plain
from bellqueue.backends.registry import BackendSummary
from hypothesis import given
from hypothesis import strategies as st

HARMFUL = "\x1b[2J\x1b]8;;http://evil\x1b\\ibm_\x9b31mfez\u202e\x07\r\n"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("the fridge\nwarmed  up", "the fridge warmed up"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07name", "name"),
        ("\x1b]8;;http://evil\x1b\\link", "link"),
        ("\x1bc\x1b(Breset", "reset"),
        ("a\x00b\x7fc\x85d", "a b c d"),
        ("τ ≥ 3 µs – 東京", "τ ≥ 3 µs – 東京"),
    ],
)
def test_the_words_stay_and_the_commands_go(text: str, left: str) -> None:
    assert plain(text) == left


@given(st.text(st.characters(codec=None) | st.sampled_from("\x1b[]\x07\x9b;m\u202e")))
def test_nothing_is_left_that_a_terminal_would_obey(text: str) -> None:
    clean = plain(text)
    assert {unicodedata.category(letter) for letter in clean} & {"Cc", "Cs", "Zl", "Zp"} == set()
    assert plain(clean) == clean
    clean.encode("utf-8")


def test_every_record_of_a_providers_words_is_clean() -> None:
    texts = [
        JobStatus("failed", HARMFUL).message,
        BackendSummary(HARMFUL, "hardware", 2, True, HARMFUL, status=HARMFUL).status,
        Description(name="ibm:fez", kind="hardware", device=HARMFUL, qubits=2).device,
        CostEstimate(1, 1, None, None, HARMFUL, (HARMFUL,), HARMFUL).notes[0],
    ]
    assert texts == ["ibm_ 31mfez"] * 4
