"""The emphasis in an answer: two marks, and no asterisk of a name is a mark."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.verdict.emphasis import emphasised


def test_the_lead_is_bold_and_a_claim_is_in_italics() -> None:
    assert emphasised("**Copying helped.** Then 5. *Claim C1: supported.* More.") == [
        ("strong", "Copying helped."),
        ("", " Then 5. "),
        ("em", "Claim C1: supported."),
        ("", " More."),
    ]


@pytest.mark.parametrize("text", ["a *b* c", "x ** y **z**", "init=*x* is *best*", "2 * 3 * 4", "*", ""])
def test_other_asterisks_stay(text: str) -> None:
    assert emphasised(text) == ([("", text)] if text else [])


@given(st.text("ab *C", max_size=30))
def test_nothing_but_marks_is_lost(text: str) -> None:
    assert "".join(part for _, part in emphasised(text)).replace("*", "") == text.replace("*", "")
