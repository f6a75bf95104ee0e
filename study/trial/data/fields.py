"""What a row's text, label and lang may be."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from study.config import SUMMARIES
from study.errors import RequestError
from study.trial.data.rows import Rows, shown

__all__ = ["check_languages", "check_languages_names", "check_rows", "is_encodable", "label_problem"]

METRIC_NAME = re.compile(r"[\w\-. ]{1,100}")
"""What MLflow allows in a metric's name, except "/" and ":", which would make another metric."""


def check_languages(rows: Rows) -> None:
    """Check that every row has a language.

    Raises:
        RequestError: if a row has none; the message names the first such row.
    """
    for i, language in enumerate(rows.languages):
        if type(language) is not str or not language:
            problem = "is missing" if language is None or language == "" else f"is {shown(language)}"
            raise RequestError(f"{rows.place(i)}: lang {problem}; it must be the language's name")


def check_rows(rows: Rows) -> None:
    """Check that every text is a text, every label a name, and every language a possible name of a metric.

    Raises:
        RequestError: if a row fails; the message names the first such row.
    """
    check_languages_names(rows)
    _check_names(rows, rows.labels, "label", label_problem)
    for i, text in enumerate(rows.texts):
        if type(text) is not str:
            problem = "is missing" if text is None else f"is {shown(text)}, not a string"
            raise RequestError(f"{rows.place(i)}: text {problem}")
        if not text or text.isspace():
            raise RequestError(f"{rows.place(i)}: text is empty; remove the row or give it a text")
    if not is_encodable("".join(rows.texts)):
        bad = next(i for i, text in enumerate(rows.texts) if not is_encodable(text))
        raise RequestError(
            f"{rows.place(bad)}: text holds a lone surrogate, which is no character: {shown(rows.texts[bad])}"
        )


def check_languages_names(rows: Rows) -> None:
    """Check that every language is a possible name of a metric.

    Raises:
        RequestError: if a language is not; the message names the first row that has it.
    """
    _check_names(rows, rows.languages, "lang", _language_problem)


def _check_names(rows: Rows, values: list[Any], field: str, problem: Callable[[Any], str | None]) -> None:
    # There are few names and many rows: each name is checked once, in the first row that has it.
    seen: set[str] = set()
    for i, value in enumerate(values):
        if type(value) is str:
            if value in seen:
                continue
            seen.add(value)
        fault = problem(value)
        if fault:
            raise RequestError(f"{rows.place(i)}: {field} {fault}")


def label_problem(value: Any) -> str | None:
    """Why `value` cannot be a label; None if it can."""
    if value is None or value == "":
        return "is missing; every row needs one"
    if type(value) is int:
        return None
    if type(value) is not str:
        return f"is {shown(value)}; it must be a string or a whole number"
    if value.isspace():
        return f"{shown(value)} is empty; every row needs one"
    if value.splitlines() != [value]:
        return f"{shown(value)} holds a line break; a label is one line"
    if not is_encodable(value):
        return f"{shown(value)} holds a lone surrogate, which is no character"
    return None


def _language_problem(value: str) -> str | None:
    if value.casefold() in SUMMARIES:
        return f"{shown(value)} is the name of a summary over languages; call the language something else"
    if not METRIC_NAME.fullmatch(value):
        return (
            f"{shown(value)} cannot be part of a metric's name; use up to 100 letters, digits and the "
            "characters _ - . and space"
        )
    if value in (".", "..") or value != value.strip():
        return (
            f"{shown(value)} cannot be part of a metric's name: it is . or .., or begins or ends with a space"
        )
    return None


def is_encodable(text: str) -> bool:
    """Whether every character of `text` can be written in UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
