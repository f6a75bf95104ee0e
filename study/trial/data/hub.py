"""Rows from a data set on the Hugging Face hub."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from study.errors import RequestError
from study.trial.data.checks import check_languages_exist
from study.trial.data.readers import named
from study.trial.data.rows import SPLIT_NAMES, Rows, Splits, shown, split_called
from study.trial.data.snapshots import Snapshot, fetch
from study.trial.data.task import Kind

__all__ = ["HubData", "hub_rows"]

TOKENS = "tokens"
TAGS = ("tags", "ner_tags", "upos")
"""What data sets of tagged words call their columns."""


@dataclass(frozen=True)
class HubData:
    """Where a data set is on the hub, and what its columns are called.

    text, label: names of a column; the first that the data set has is read. If the data set has none of the
    text columns and has tokens, or if tokens is the text column, the data is a token task, and `TAGS` may be
    names of the label column too.
    language: the column that names the language; None if each configuration is a language.
    configuration: the only configuration to be read, or None.
    names: the names of the labels, if the data set writes labels as codes.
    """

    repository: str
    text: tuple[str, ...] = ("text",)
    label: tuple[str, ...] = ("label",)
    language: str | None = None
    configuration: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)


def hub_rows(data: HubData, languages: Sequence[str] | None = None) -> Splits:
    """The rows of `data`; if configurations are languages, the rows of those in `languages` alone.

    If `data` names a configuration, that configuration is read alone. Its language column has the language;
    without such a column the language is the configuration's own name. If `data` names none, a configuration
    called `default` that has the language column is read alone. Otherwise every configuration but `default`
    is a language.

    Raises:
        RequestError: if the hub has no such data or cannot be reached, or the data has other columns.
    """
    where, snapshot = f"hub:{data.repository}", fetch(data.repository)
    splits: dict[str, list[Rows]] = {split: [] for split in SPLIT_NAMES}
    there: set[str] = set()
    for configuration in _configurations(data, snapshot, languages):
        tables = snapshot.tables(configuration)
        there |= set(tables)
        for split in SPLIT_NAMES:
            called = split_called(split, list(tables), f"{where}, {configuration}")
            if called is not None:
                splits[split].append(_rows(data, configuration, called, tables[called]))
    for split, parts in splits.items():
        if not parts:
            names = " or ".join(SPLIT_NAMES[split])
            raise RequestError(f"{where}: no split called {names}; there are {', '.join(sorted(there))}")
    return splits


def _configurations(data: HubData, snapshot: Snapshot, languages: Sequence[str] | None) -> list[str]:
    where, known = f"hub:{data.repository}", snapshot.configurations()
    if data.configuration is not None:
        if data.configuration not in known:
            name = shown(data.configuration)
            raise RequestError(f"{where}: no configuration {name}; there are {', '.join(known)}")
        return [data.configuration]
    if data.language and "default" in known and data.language in snapshot.columns("default"):
        return ["default"]
    each = [name for name in known if name != "default"]
    if not each and data.language is None:
        raise RequestError(f"{where}: no configuration for each language; there is only default")
    if not each:
        there = ", ".join(snapshot.columns("default"))
        raise RequestError(f"{where}: no column {data.language}; there are {there}")
    if data.language and data.language in snapshot.columns(each[0]):
        if len(each) > 1:
            raise RequestError(
                f"{where}: its configurations have a column {data.language} each; name one of them, as in "
                f"{where}:{each[0]}; there are {', '.join(each)}"
            )
        return each
    if languages is not None:
        check_languages_exist(where, languages, each)
    return [name for name in each if languages is None or name in languages]


def _rows(data: HubData, configuration: str, split: str, table: Any) -> Rows:
    origin = f"hub:{data.repository}, {configuration}, {split}"
    no_text = TOKENS in table.column_names and not set(data.text).intersection(table.column_names)
    text = TOKENS if no_text else _column(data.text, table, origin)
    kind: Kind = "token" if text == TOKENS else "text"
    label = _column(data.label if kind == "text" else (*data.label, *TAGS), table, origin)
    labels = [data.names.get(str(value), value) for value in _values(table, label)]
    if data.language is not None and data.language in table.column_names:
        languages = _values(table, data.language)
    else:
        languages = [configuration] * len(labels)
    columns = (text, label, (data.language or "") if data.language in table.column_names else "")
    numbers = range(1, len(labels) + 1)
    return Rows(origin, _values(table, text), labels, languages, numbers, "row", columns, kind)


def _column(names: Sequence[str], table: Any, origin: str) -> str:
    for name in names:
        if name in table.column_names:
            return name
    raise RequestError(f"{origin}: no column {' or '.join(names)}; there are {', '.join(table.column_names)}")


def _values(table: Any, column: str) -> list[Any]:
    """The values of a column; if the column has classes, their names in place of their numbers."""
    feature = table.features[column]
    return named(list(table[column]), getattr(getattr(feature, "feature", feature), "names", None))
