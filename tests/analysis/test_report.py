"""The report's files: what they hold, and that a missing value stays missing in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from analysis.report import write_report


def test_three_files_are_written_and_named(finished: Any, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "report"
    paths = write_report(finished.read(), out)
    assert [path.name for path in paths] == ["report.md", "trials.csv", "per_language.csv"]
    assert sorted(path.name for path in out.iterdir()) == sorted(path.name for path in paths)
    assert write_report(finished.read(), out) == paths  # again, over the first


def test_the_page_answers_the_question_and_says_what_it_cannot(finished: Any, tmp_path: Path) -> None:
    page = write_report(finished.read(), tmp_path)[0].read_text("utf-8")
    assert page.startswith(f"# {finished.plan.name}\n\nwhy?\n\n")
    assert "Trials: 4 confirm complete, 4 search complete, 2 search pruned." in page
    assert "| init=teacher | 0.650 | 2 | 0.600 | 0.565 | 0.007 | 0.515 | 0.565 | 0.565 |" in page
    assert "## Accuracy per language, test, mean over confirm seeds" in page
    assert "| yor | 0.900 | 0.450 | 0.650 |" in page  # validation: teacher, then the arms
    assert "chosen for being high" in page
    assert "no interval" in page


def test_tables_are_numbers_in_full(finished: Any, tmp_path: Path) -> None:
    record = finished.read()
    _, trials, scores = write_report(record, tmp_path)
    read = pd.read_csv(scores)
    assert list(read["value"]) == pytest.approx(list(record.scores["value"]), abs=0)
    assert set(pd.read_csv(trials)["key"]) == set(record.trials["key"])
    assert "run" not in pd.read_csv(trials).columns


def test_a_value_that_one_arm_lacks_is_a_dash_there(recorder: Any, tmp_path: Path) -> None:
    recorder.trial(0, 0, 0.5, seed=1, test=0.4)
    page = write_report(recorder.read(), tmp_path)[0].read_text("utf-8")
    assert "| init=random | - | 1 | 0.550 | 0.450 | - | 0.400 | 0.450 | 0.450 |" in page
    assert "| init=teacher | - | 0 | - | - | - | - | - | - |" in page


def test_a_study_without_results_is_reported_as_such(recorder: Any, tmp_path: Path) -> None:
    recorder.trial(0, 0, 0.5, None)
    page = write_report(recorder.read(), tmp_path)[0].read_text("utf-8")
    assert "No trial has ended yet." in page
    assert "| init=random | - | 0 | - | - | - | - | - | - |" in page
    assert "Accuracy per language" not in page
