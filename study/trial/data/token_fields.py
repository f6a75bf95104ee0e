"""What a row's tokens and tags may be, in a token task."""

from __future__ import annotations

from typing import Any

from study.errors import RequestError
from study.trial.data.fields import check_languages_names, is_encodable, label_problem
from study.trial.data.rows import Rows, Splits, shown
from study.trial.data.tags import OUTSIDE, PREFIXES, is_bio

__all__ = ["check_prefixes", "check_token_rows"]


def check_token_rows(rows: Rows) -> None:
    """Check that every row has words, each with a tag, and a language that a metric can be named by.

    Raises:
        RequestError: if a row fails; the message names the first such row, and the field.
    """
    check_languages_names(rows)
    words_name, tags_name, _ = rows.columns
    known: set[str] = set()
    for i, (words, tags) in enumerate(zip(rows.texts, rows.labels, strict=True)):
        for name, value in ((words_name, words), (tags_name, tags)):
            if not isinstance(value, list):
                problem = "is missing" if value is None else f"is {shown(value)}"
                raise RequestError(f"{rows.place(i)}: {name} {problem}; it must be a list, one for each word")
        if not words:
            raise RequestError(f"{rows.place(i)}: {words_name} is empty; remove the row or give it words")
        if len(words) != len(tags):
            raise RequestError(
                f"{rows.place(i)}: {len(words)} {words_name} and {len(tags)} {tags_name}; "
                "each word needs one tag"
            )
        for k, word in enumerate(words):
            if fault := _word_problem(word):
                raise RequestError(f"{rows.place_of_word(i, k)}: {words_name}: {fault}")
        for k, tag in enumerate(tags):
            if type(tag) is str and tag in known:
                continue
            if fault := label_problem(tag):
                raise RequestError(f"{rows.place_of_word(i, k)}: {tags_name}: the tag {fault}")
            known.add(str(tag))


def check_prefixes(splits: Splits) -> None:
    """Check that all tags are BIO tags if any is: `O`, or B- or I- and a type.

    Raises:
        RequestError: if a tag is neither; the message names the first such word.
    """
    tags = {str(tag) for parts in splits.values() for rows in parts for row in rows.labels for tag in row}
    if not is_bio(tags):
        return
    odd = {tag for tag in tags if tag != OUTSIDE and not (tag.startswith(PREFIXES) and len(tag) > 2)}
    if not odd:
        return
    for parts in splits.values():
        for rows in parts:
            for i, row in enumerate(rows.labels):
                for k, tag in enumerate(row):
                    if str(tag) in odd:
                        raise RequestError(
                            f"{rows.place_of_word(i, k)}: {rows.columns[1]}: the tag {shown(str(tag))} is "
                            f"no BIO tag, and others are; B-TYPE, I-TYPE or {OUTSIDE} is right"
                        )


def _word_problem(word: Any) -> str | None:
    if type(word) is not str:
        return "a word is missing" if word is None else f"{shown(word)} is not a string"
    if not word or word.isspace():
        return f"{shown(word)} is empty; each word needs a character"
    if not is_encodable(word):
        return f"{shown(word)} holds a lone surrogate, which is no character"
    return None
