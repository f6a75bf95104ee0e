"""Tables of the command line: a missing value is a dash, and no name is a markup."""

from __future__ import annotations

import io
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from study.cli.console import listing
from study.cli.report import frame_table
from study.cli.status import status_table
from study.cli.trial import scores_table


def rows(table: Table) -> list[list[str]]:
    """What is printed, cell by cell."""
    file = io.StringIO()
    Console(file=file, width=200).print(table)
    return [line.split() for line in file.getvalue().splitlines() if line.strip(" ─")]


def test_a_number_has_three_decimals_and_a_missing_one_is_a_dash() -> None:
    table = listing(["a", "b", "c"], [["x", 0.12345, 3], ["y", None, None], ["z", float("nan"), 7]])
    assert rows(table) == [["a", "b", "c"], ["x", "0.123", "3"], ["y", "-", "-"], ["z", "-", "7"]]
    assert [column.justify for column in table.columns] == ["left", "right", "right"]


def test_an_empty_table_has_its_head() -> None:
    assert rows(listing(["a", "b"], [])) == [["a", "b"]]


def test_a_study_is_shown_arm_by_arm_and_in_all() -> None:
    counts = {"complete": 1, "pruned": 2, "diverged": 3, "failed": 4, "running": 5, "waiting": 6}
    arm = {"arm": "init=base", "planned": 21, **counts, "best": {"value": 0.5}}
    empty = {"arm": "init=random", "planned": 21, **counts, "best": None}
    found = {"name": "demo", "planned": 42, **counts, "arms": [arm, empty], "best": {"value": 0.5}}
    numbers = ["1", "2", "3", "4", "5", "6"]
    assert rows(status_table(found))[2:] == [
        ["init=base", "21", *numbers, "0.500"],
        ["init=random", "21", *numbers, "-"],
        ["all", "42", *numbers, "0.500"],
    ]


def test_a_frame_is_shown_as_it_is() -> None:
    frame = pd.DataFrame({"arm": ["a", "b"], "test": [0.5, None], "seeds": [2, 0]})
    assert rows(frame_table(frame, "title"))[2:] == [["a", "0.500", "2"], ["b", "-", "0"]]


def test_scores_of_a_trial_are_languages_by_split_and_metric_macro_and_worst_last() -> None:
    def scores(**languages: float) -> dict[str, Any]:
        over = {"macro": 0.7, "worst": 0.6, "by_language": languages}
        return {"accuracy": over, "macro_f1": over, "retention": {**over, "macro": None}}

    table = scores_table({"validation": scores(yor=0.6, deu=0.8), "test": scores(deu=0.9)})
    assert [column.header for column in table.columns] == [
        "language",
        *(
            f"{split} {name}"
            for split in ("validation", "test")
            for name in ("accuracy", "macro-F1", "retention")
        ),
    ]
    found = {name: cells for name, *cells in rows(table)[1:]}
    assert list(found) == ["deu", "yor", "macro", "worst"]
    assert found["deu"] == ["0.800"] * 3 + ["0.900"] * 3
    assert found["yor"] == ["0.600"] * 3 + ["-"] * 3
    assert found["macro"] == ["0.700", "0.700", "-"] * 2


def test_a_split_without_scores_has_no_column() -> None:
    assert [column.header for column in scores_table({"validation": None, "test": None}).columns] == [
        "language"
    ]
