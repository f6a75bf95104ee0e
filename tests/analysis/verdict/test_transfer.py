"""Copying in seen and in unseen languages, in words."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from analysis.record.study_record import StudyRecord
from analysis.statistics.effects.transfer import DIFFERENCE, TRANSFER_COLUMNS
from analysis.verdict.caveats import caveats
from analysis.verdict.results import Results
from analysis.verdict.settings import settings
from analysis.verdict.transfer import transfer_in_words
from tests.analysis.invented import invented_study
from tests.analysis.spaces import CLAIM


def rows(seen: Any, unseen: Any, difference: Any, **more: Any) -> pd.DataFrame:
    """A table of the main effect of init; each argument: (estimate, half of the interval, p, within)."""
    found = []
    for group, (estimate, half, p, within) in (("seen", seen), ("unseen", unseen), (DIFFERENCE, difference)):
        row = dict.fromkeys(TRANSFER_COLUMNS) | {"kind": "main", "factor": "init", "group": group}
        row |= {"levels": "teacher - random", "estimate": estimate, "p": p, "equivalent_within": within}
        found.append(row | {"low": estimate - half, "high": estimate + half} | more)
    return pd.DataFrame(found, columns=TRANSFER_COLUMNS)


BIG, NONE = (0.2, 0.05, 0.001, 0.24), (0.0, 0.05, 0.9, 0.04)


@pytest.mark.parametrize(
    ("unseen", "difference", "said"),
    [
        (BIG, (-0.1, 0.05, 0.01, 0.14), "copying helps in unseen languages, less than in seen ones"),
        (BIG, (0.1, 0.05, 0.01, 0.14), "copying helps in unseen languages, more than in seen ones"),
        (BIG, (0.001, 0.005, 0.7, 0.006), "so it preserves transfer within 1 point"),
        (BIG, NONE, "these runs do not show whether more or less than in seen ones"),
        ((-0.2, 0.05, 0.001, 0.24), (-0.3, 0.1, 0.01, 0.4), "copying hurts in unseen languages, more than"),
        (NONE, NONE, "these runs do not show that copying helps or hurts in unseen languages."),
        (NONE, (-0.2, 0.05, 0.01, 0.24), "and show that it changes them less favourably than seen ones"),
    ],
)
def test_what_the_runs_show_is_said_and_no_more(unseen: Any, difference: Any, said: str) -> None:
    (text,) = transfer_in_words(rows(BIG, unseen, difference), 0.01)
    assert said in text


def test_numbers_have_their_intervals() -> None:
    (text,) = transfer_in_words(rows(BIG, BIG, NONE), 0.01)
    assert "changed macro test accuracy by +20.00 points [15.00, 25.00]; in the languages" in text
    assert "The difference is 0.00 points [-5.00, 5.00]" in text


def test_nothing_is_said_without_random_and_copied_students() -> None:
    assert list(transfer_in_words(rows(BIG, BIG, NONE, levels="base - random"), 0.01)) == []
    assert list(transfer_in_words(pd.DataFrame(columns=TRANSFER_COLUMNS), 0.01)) == []


def with_unseen(record: StudyRecord, *languages: str, select_on: str = "seen") -> StudyRecord:
    keys = record.trials.loc[record.trials["phase"] != "teacher", "key"]
    unseen = {str(key): frozenset(languages) for key in keys}
    return dataclasses.replace(record, unseen=unseen, facts=record.facts | {"select_on": select_on})


@pytest.mark.parametrize("space", [CLAIM, {"init": ("random", "teacher")}])
def test_the_answer_has_a_paragraph_on_transfer(space: Any, answered: Callable[[StudyRecord], str]) -> None:
    record = invented_study(space, seeds=4, search=3)
    results = Results(record)
    text = answered(with_unseen(record, results.languages[0]))
    assert "In the languages that students are not trained on, copying the teacher's weights changed" in text
    assert "1 of them unseen;" in text
    assert "For other languages that the teacher was trained on" not in text
    assert "not trained on" not in answered(record)


def test_settings_and_caveats_say_which_languages_the_selection_used() -> None:
    record = invented_study({"init": ("random", "teacher")}, seeds=3, search=3)
    language = Results(record).languages[0]
    seen, every = (with_unseen(record, language, select_on=on) for on in ("seen", "all"))
    alone = "The selection used validation texts of the languages that a student is trained on, and of no"
    assert any(text.startswith(alone) for text in settings(seen))
    assert not any("--select-on all" in text for text in caveats(seen))
    assert not any(text.startswith(alone) for text in settings(every))
    assert any("--select-on all" in text for text in caveats(every))
    assert f"Students are not trained on 1 language: {language}." in settings(seen)
