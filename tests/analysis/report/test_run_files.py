"""The files that MLflow's runs show: their numbers are those of the report, and of the predictions."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.report.run_files import (
    arm_source,
    confusions,
    study_source,
    write_arm_files,
    write_prediction_files,
    write_study_files,
)
from analysis.verdict.published import numbers_of_arms
from analysis.verdict.results import Results
from tests.analysis.invented import invented_study
from tests.analysis.spaces import CLAIM

PNG = b"\x89PNG"


@pytest.fixture(scope="module")
def results() -> Results:
    return Results(invented_study(CLAIM, search=2))


@pytest.fixture(scope="module")
def predictions() -> pd.DataFrame:
    """Two languages, three labels: one label is never predicted, and one has no text in deu."""
    rows = [("deu", "a", "a")] * 3 + [("deu", "b", "a")] * 2 + [("yor", "a", "c"), ("yor", "c", "c")]
    table = pd.DataFrame(rows, columns=["language", "label", "prediction"])
    return pd.DataFrame(
        {
            "text": np.arange(len(rows), dtype=np.int32),
            "language": pd.Categorical(table["language"], ["deu", "hau", "yor"]),
            "label": pd.Categorical(table["label"], ["a", "b", "c"]),
            "prediction": pd.Categorical(table["prediction"], ["a", "b", "c"]),
            "probability": np.linspace(0.5, 1, len(rows), dtype=np.float32),
        }
    )


def test_the_table_of_an_arm_has_its_numbers_to_the_last_digit(results: Results, tmp_path: Path) -> None:
    arms = numbers_of_arms(results)
    arm, numbers = list(arms.items())[1]
    write_arm_files(results, arm, numbers, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        *("languages.json", "languages.png", "learning_curves.png")
    }
    said = json.loads((tmp_path / "languages.json").read_text())
    table = pd.DataFrame(said["data"], columns=said["columns"]).set_index("language")
    assert list(table.index[-2:]) == ["macro", "worst"]
    assert set(table.index[:-2]) == set(results.languages)
    for language, row in table.iterrows():
        names = {"low": "accuracy_low", "high": "accuracy_high", "sd": "accuracy_sd"}
        for column, value in row.items():
            wanted = numbers.get(f"test/{names.get(str(column), column)}/{language}", np.nan)
            assert value == pytest.approx(wanted, abs=1e-15, nan_ok=True)
    assert np.isnan(table.loc["worst", "low"])  # a minimum has no interval
    assert (tmp_path / "languages.png").read_bytes().startswith(PNG)


def test_the_files_of_a_study_are_its_report_and_its_curves(results: Results, tmp_path: Path) -> None:
    write_study_files(results, tmp_path)
    assert (tmp_path / "learning_curves.png").read_bytes().startswith(PNG)
    assert (tmp_path / "report" / "report.html").stat().st_size > 10_000
    assert (tmp_path / "report" / "figures" / "learning_curves.png").exists()


def test_files_are_written_again_only_if_what_they_show_has_changed(results: Results) -> None:
    arms, record = numbers_of_arms(results), results.record
    arm = next(iter(arms))
    again = Results(dataclasses.replace(record, tags=record.tags | {"artifacts": "sent"}))
    other = Results(dataclasses.replace(record, tags=record.tags | {"margin": "0.02"}))
    assert study_source(again) == study_source(results) != study_source(other)
    assert arm_source(again, arm, arms[arm]) == arm_source(results, arm, arms[arm])
    higher = record.curves.assign(macro=record.curves["macro"] + 0.01 * (record.curves["arm"] == arm))
    curves = Results(dataclasses.replace(record, curves=higher))
    changed = [
        name for name in arms if arm_source(curves, name, arms[name]) != arm_source(results, name, arms[name])
    ]
    assert changed == [arm]
    assert study_source(curves) != study_source(results)


def test_predictions_are_a_small_table_that_pandas_reads(predictions: pd.DataFrame, tmp_path: Path) -> None:
    write_prediction_files(predictions, "an arm, seed 1", tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        *("predictions.parquet", "confusion.json", "confusion.png")
    }
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "predictions.parquet"), predictions)
    assert (tmp_path / "confusion.png").read_bytes().startswith(PNG)


def test_mistakes_come_first_and_every_text_is_counted_once(predictions: pd.DataFrame) -> None:
    table = confusions(predictions)
    assert table.to_numpy().tolist() == [
        ["deu", "b", "a", 2, 2],
        ["yor", "a", "c", 1, 1],
        ["deu", "a", "a", 3, 3],
        ["yor", "c", "c", 1, 1],
    ]
    assert list(table.columns) == ["language", "label", "prediction", "texts", "of"]
