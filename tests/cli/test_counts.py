"""The data of a study in a table that fits a terminal."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from rich.console import Console

from study.cli.counts import counts_table
from study.trial.data.findings.reading import Count
from tests.cli.place import ON, Place


@pytest.mark.parametrize("rows", [40, 1_000_000])
def test_the_table_of_52_languages_fits_80_columns_and_aligns(rows: int) -> None:
    languages = [f"{'de-DE' if i % 2 else 'l'}{i:02}" for i in range(52)]
    counts = {
        split: {name: Count(rows, 150, 12 if split == "test" else None, share, rows) for name in languages}
        for split, share in (("train", 1.0), ("validation", 0.004), ("test", None))
    }
    console = Console(width=80)
    with console.capture() as capture:
        console.print(counts_table(counts))
    lines = [line.rstrip() for line in capture.get().splitlines() if line.strip()]
    assert len(lines) == 52 + 3
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["train", "valid", "test"]
    expected = f"de-DE51 {rows} 150 - 100 {rows} 150 - <1 {rows} 150 12 -"
    assert lines[-1].split() == expected.split()
    for line in lines[3:]:  # numbers end below the ends of their heads
        assert {match.end() for match in re.finditer(r"\S+", line)} >= {
            match.end() for match in re.finditer(r"rows|lab|emp|unk", lines[1])
        }


def test_plan_counts_rows_labels_and_unknown_texts_by_split_and_language(command: Any, place: Place) -> None:
    plan = json.loads(command(*place.filled(f"plan {{space}} {ON} --json")).out)
    one = {"rows": 80, "labels": 4, "empty": 0, "unknown": 0.0, "read": 80}
    assert plan["data"]["train"] == dict.fromkeys(("deu", "hau", "yor"), one)
    assert plan["data"]["test"]["yor"]["rows"] == 32
    assert plan["fractions"] == [
        {
            "fraction": 1.0,
            "rows": 240,
            "share": 1.0,
            "forced": [],
            "label_floor": 1,
            "lost": {},
            "train_languages": "all",
        }
        | {"by_language": {"deu": 1.0, "hau": 1.0, "yor": 1.0}}
    ]


def test_a_plan_shows_what_fractions_come_to(command: Any, place: Place) -> None:
    answer = command(*place.filled(f"plan {{space}} {ON} --set data_fraction=0.02"))
    row = next(line for line in answer.out.splitlines() if line.strip().startswith("0.02"))
    assert row.split() == ["0.02", "12", "5.0%", "5.0%", "deu", "5.0%", "deu"]
    assert "note: data_fraction=0.02 comes to 5.0% of the training rows" in answer.err


def test_a_study_of_two_fractions_that_are_one_sample_does_not_begin(command: Any, place: Place) -> None:
    before = sorted(place.folder.iterdir())
    for name in ("plan", "run"):
        answer = command(*place.filled(f"{name} low_resource {ON}"))
        assert answer.code == 2
        assert "data_fraction: 0.01 and 0.05 are the same 12 training rows of this task" in answer.err
    assert sorted(place.folder.iterdir()) == before
