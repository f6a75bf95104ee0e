"""Data and models: how many texts there are, and on what the numbers were computed."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from analysis.report.sections.data import data_and_models
from analysis.report.tables import Table
from analysis.verdict.results import Results
from tests.analysis.invented import invented_study


def tables(**about: str) -> dict[str, Table]:
    study = invented_study({"init": ("random", "teacher")}, seeds=2, search=2, languages=("deu", "yor"))
    made = data_and_models(Results(dataclasses.replace(study, about=about))).tables
    return {table.name: table for table in made}


def facts(table: Table) -> dict[str, str]:
    return {row[0]: row[1] for row in table.rows}


def test_texts_stand_by_language_and_split_with_their_sum() -> None:
    counts = {"train": {"yor": 80, "deu": 1200}, "validation": {"yor": 0, "deu": 20}, "test": {"yor": 20}}
    found = tables(**{f"texts.{split}": json.dumps(each) for split, each in counts.items()})["texts"]
    assert found.columns == ("language", "train", "validation", "test")
    assert found.rows == (
        ("deu", "1,200", "20", "-"),
        ("yor", "80", "0", "20"),
        ("all languages", "1,280", "20", "20"),
    )


def test_a_record_without_counts_or_with_counts_of_two_homes_has_no_table_of_texts() -> None:
    assert "texts" not in tables()
    assert "texts" not in tables(**{"texts.test": '{"deu":1}; {"deu":2}'})


def test_commit_versions_and_hardware_are_facts() -> None:
    found = facts(tables(git="48a51e3", versions="python=3.11.2 torch=2.13.0")["versions"])
    assert found["commit"] == "48a51e3"
    assert found["version of python"] == "3.11.2"
    assert found["version of torch"] == "2.13.0"
    assert found["hardware of the confirm runs"] == "cpu, 1 thread"


def test_a_record_of_an_older_version_has_the_versions_that_its_runs_recorded() -> None:
    study = invented_study({"init": ("random", "teacher")}, seeds=2, search=2)
    text = "device=cuda dtype=bfloat16 threads=2 capability=NVIDIA H200 torch=2.9.0 transformers=5.1.0"
    study = dataclasses.replace(study, trials=study.trials.assign(numerics=text))
    (table,) = data_and_models(Results(study)).tables
    found = facts(table)
    assert found["version of torch"] == "2.9.0"
    assert found["hardware of the confirm runs"] == "cuda, NVIDIA H200, bfloat16, 2 threads"
    assert "commit" not in found


def test_what_the_tracker_recorded_is_read(finished: Any) -> None:
    finished.tracker.texts(lambda: {"train": {"deu": 3, "yor": 4}, "test": {"deu": 1, "yor": 2}})
    record = finished.read()
    assert record.about["git"]
    (texts, _) = data_and_models(Results(record)).tables
    assert texts.rows == (("deu", "3", "1"), ("yor", "4", "2"), ("all languages", "7", "3"))
