"""From raw rows to a checked `Task`.

Rows that would make a result wrong or impossible are refused, in one line that names the place and what
would be right. Rows that are uneven but sound (a language without a split, texts that two splits share, and
what `findings/` finds) get a note.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from study.errors import RequestError
from study.trial.data.fields import check_languages, check_rows
from study.trial.data.findings.lines import check_headers, check_swallowed
from study.trial.data.findings.names import name_notes
from study.trial.data.findings.tags import tag_notes
from study.trial.data.findings.texts import text_notes
from study.trial.data.rows import Rows, Splits, shown
from study.trial.data.shared import drop_from_training, shared_texts
from study.trial.data.task import SPLITS, Kind, Split, Task
from study.trial.data.token_fields import check_prefixes, check_token_rows

__all__ = ["build_task", "check_languages_exist"]

CONSEQUENCE = {"train": "scored as unseen", "validation": "out of the validation macro", "test": "not tested"}
"""What happens to a language that has no rows in the split."""


def build_task(
    name: str, splits: Splits, languages: Sequence[str] | None = None, drop_shared: bool = False
) -> Task:
    """The task called `name` with the rows of `splits`; if `languages` is given, with their rows alone.

    drop_shared: whether training loses the texts that validation or test has as well.

    Raises:
        RequestError: in one line, if the rows are not what a task needs.
    """
    kind = _kind(name, splits)
    if kind == "text":
        check_swallowed(splits)
    splits = _chosen(name, splits, languages)
    scope = "" if languages is None else f" in the chosen languages ({', '.join(sorted(set(languages)))})"
    for split, parts in splits.items():
        for rows in parts:
            if kind == "token":
                check_token_rows(rows)
            else:
                check_headers(rows)
                check_rows(rows)
        if not any(map(len, parts)):
            raise RequestError(f"{_origin(parts, name)}: no {split} rows{scope}")
    if kind == "token":
        return _token_task(name, splits, scope, drop_shared)
    splits, notes = _without_shared(name, splits, drop_shared)
    labels, known = _labels(name, splits, scope), _languages(splits)
    return Task(
        name=name,
        labels=labels,
        languages=known,
        splits={split: _split(parts, labels, known) for split, parts in splits.items()},
        notes=(
            *_uneven(splits),
            *notes,
            *text_notes(splits),
            *name_notes("labels", splits, labels),
            *name_notes("languages", splits, known),
        ),
    )


def _token_task(name: str, splits: Splits, scope: str, drop_shared: bool) -> Task:
    """The token task called `name` with the checked rows of `splits`.

    Its labels are the tags of all splits, because a rare tag may be missing in training.
    """
    check_prefixes(splits)
    splits = {split: [rows.spelled() for rows in parts] for split, parts in splits.items()}
    splits, notes = _without_shared(name, splits, drop_shared)
    known = _languages(splits)
    trained, labels = (
        sorted({str(tag) for part in parts for rows in part for tags in rows.tags or () for tag in tags})
        for parts in ([splits["train"]], splits.values())
    )
    if len(trained) < 2:
        raise RequestError(
            f"{_origin(splits['train'], name)}: the only tag in training{scope} is {shown(trained[0])}; "
            "a task needs at least two"
        )
    return Task(
        name=name,
        labels=tuple(labels),
        languages=known,
        splits={split: _token_split(parts, labels, known) for split, parts in splits.items()},
        notes=(
            *_uneven(splits),
            *notes,
            *text_notes(splits),
            *tag_notes(splits, labels),
            *name_notes(
                "labels", {split: [rows.by_word() for rows in p] for split, p in splits.items()}, labels
            ),
            *name_notes("languages", splits, known),
        ),
        kind="token",
    )


def _kind(name: str, splits: Splits) -> Kind:
    """What has a label, by the columns of the files.

    Raises:
        RequestError: if one file has a label for each text, and another file for each word.
    """
    first = {rows.kind: rows for parts in splits.values() for rows in parts}
    if len(first) > 1:
        text, token = first["text"], first["token"]
        raise RequestError(
            f"{name}: {text.origin} has {text.columns[0]} and {text.columns[1]}, {token.origin} has "
            f"{token.columns[0]} and {token.columns[1]}; the same in all files is right"
        )
    return next(iter(first), "text")


def _token_split(parts: Sequence[Rows], labels: Sequence[str], languages: Sequence[str]) -> Split:
    tag_ids = {name: i for i, name in enumerate(labels)}
    language_ids = {name: i for i, name in enumerate(languages)}
    return Split.of_words(
        [words for rows in parts for words in rows.words or ()],
        np.array(
            [tag_ids[str(t)] for rows in parts for tags in rows.tags or () for t in tags], dtype=np.int64
        ),
        np.array([language_ids[x] for rows in parts for x in rows.languages], dtype=np.int64),
    )


def check_languages_exist(name: str, chosen: Iterable[str], known: Sequence[str]) -> None:
    """Check that every `chosen` language is among the languages `known` to be in the task called `name`.

    Raises:
        RequestError: if a language is not, or none is chosen; the message lists the languages of the task.
    """
    chosen = set(chosen)
    if not chosen:
        raise RequestError(f"{name}: no language chosen; there are {', '.join(known)}")
    unknown = sorted(chosen - set(known))
    if unknown:
        lacking = ", ".join(map(shown, unknown))
        raise RequestError(f"{name}: no language {lacking}; there are {', '.join(known)}")


def _chosen(name: str, splits: Splits, languages: Sequence[str] | None) -> Splits:
    for split in SPLITS:
        for rows in splits[split]:
            check_languages(rows)
    if languages is None:
        return {split: splits[split] for split in SPLITS}
    check_languages_exist(name, languages, _languages(splits))
    wanted = set(languages)
    return {
        split: [
            rows.take([i for i, language in enumerate(rows.languages) if language in wanted])
            for rows in splits[split]
        ]
        for split in SPLITS
    }


def _without_shared(name: str, splits: Splits, drop: bool) -> tuple[Splits, list[str]]:
    shared, notes = shared_texts(splits), []
    if drop:
        splits, dropped = drop_from_training(splits, shared)
        if dropped:
            notes.append(f"{dropped} training rows dropped: their texts stand in validation or test")
        if not any(map(len, splits["train"])):
            raise RequestError(f"{name}: every training text stands in validation or test as well")
        shared = {pair: texts for pair, texts in shared.items() if "train" not in pair}
    notes += [f"{a} and {b} share {len(texts)} texts" for (a, b), texts in shared.items() if texts]
    return splits, notes


def _labels(name: str, splits: Splits, scope: str) -> tuple[str, ...]:
    trained = {str(label) for rows in splits["train"] for label in rows.labels}
    if len(trained) < 2:
        raise RequestError(
            f"{_origin(splits['train'], name)}: the only label in training{scope} is "
            f"{shown(next(iter(trained)))}; a task needs at least two"
        )
    for split in SPLITS[1:]:
        unseen = [
            (rows, i)
            for rows in splits[split]
            for i, label in enumerate(rows.labels)
            if str(label) not in trained
        ]
        if unseen:
            rows, i = unseen[0]
            label = shown(str(rows.labels[i]))
            raise RequestError(
                f"{rows.place(i)}: label {label} is not in training{scope}; add training rows with it, or "
                f"remove the {len(unseen)} {split} rows whose label training lacks"
            )
    return tuple(sorted(trained))


def _languages(splits: Splits) -> tuple[str, ...]:
    return tuple(sorted({x for parts in splits.values() for rows in parts for x in rows.languages}))


def _uneven(splits: Splits) -> list[str]:
    notes, known = [], _languages(splits)
    for split, parts in splits.items():
        there = {language for rows in parts for language in rows.languages}
        lacking = [language for language in known if language not in there]
        if lacking:
            notes.append(f"no {split} rows in {', '.join(lacking)}: {CONSEQUENCE[split]}")
    return notes


def _origin(parts: Sequence[Rows], name: str) -> str:
    return parts[0].origin if len(parts) == 1 else name


def _split(parts: Sequence[Rows], labels: Sequence[str], languages: Sequence[str]) -> Split:
    label_ids = {name: i for i, name in enumerate(labels)}
    language_ids = {name: i for i, name in enumerate(languages)}
    return Split(
        texts=tuple(text for rows in parts for text in rows.texts),
        labels=np.array([label_ids[str(x)] for rows in parts for x in rows.labels], dtype=np.int64),
        languages=np.array([language_ids[x] for rows in parts for x in rows.languages], dtype=np.int64),
    )
