"""A row's text, label and lang: what passes, and which row is named."""

from __future__ import annotations

from typing import Any

import pytest

from study.errors import RequestError
from study.trial.data.fields import check_languages, check_rows
from study.trial.data.rows import Rows


def rows(**values: list[Any]) -> Rows:
    """Three sound rows, with other `values`."""
    sound = {"texts": ["one", "two", "three"], "labels": ["a", "b", "a"], "languages": ["de", "sw", "de"]}
    return Rows("file", **(sound | values), numbers=[1, 2, 4])


def test_sound_rows_pass() -> None:
    check_languages(rows())
    check_rows(rows())


def test_whole_numbers_are_labels_and_truth_values_are_none() -> None:
    check_rows(rows(labels=[0, -1, 10**30]))
    with pytest.raises(RequestError, match="line 2: label is True; it must be a string or a whole number"):
        check_rows(rows(labels=["a", True, "b"]))


@pytest.mark.parametrize("lang", [None, "", 7, ["de"]])
def test_the_first_row_without_a_language_is_named(lang: Any) -> None:
    with pytest.raises(RequestError, match=r"^file, line 2: lang .*; it must be the language's name$"):
        check_languages(rows(languages=["de", lang, None]))


@pytest.mark.parametrize("name", ["macro", "Worst", "a/b", "a:b", " de", "..", "x" * 101])
def test_a_language_that_would_be_another_metric_is_refused_where_it_first_occurs(name: str) -> None:
    with pytest.raises(RequestError, match=r"^file, line 2: lang "):
        check_rows(rows(languages=["de", name, name]))


def test_a_text_that_is_no_text_is_named_with_its_line() -> None:
    for text, words in ((None, "text is missing"), (3, "text is 3, not a string"), (" \t", "text is empty")):
        with pytest.raises(RequestError, match=f"^file, line 4: {words}"):
            check_rows(rows(texts=["one", "two", text]))
    with pytest.raises(RequestError, match="line 2: text holds a lone surrogate"):
        check_rows(rows(texts=["one", "\ud800", "\udfff"]))
