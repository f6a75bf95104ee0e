"""The files that MLflow's runs show beside their numbers: figures, tables, the whole report.

The run of an arm has `languages.json`, `languages.png` and `learning_curves.png`; the run of the study has
`report/` and `learning_curves.png`; a confirm run has `predictions.parquet`, `confusion.json` and
`confusion.png`. The JSON files have the form of MLflow's tables.
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pandas as pd
import pyarrow as pa
from matplotlib.figure import Figure
from pyarrow import parquet

from analysis.record.metric import in_words
from analysis.report.figures.confusion import confusion_matrix
from analysis.report.figures.heatmap import heat_map
from analysis.report.figures.lines import MOST_PANELS, lines
from analysis.report.figures.panels import over_seeds, placed
from analysis.report.figures.style import save_png
from analysis.report.write import write_report
from analysis.verdict.published import languages_of
from analysis.verdict.results import Results
from study.config import digest

__all__ = [
    *("FORM", "arm_source", "confusions", "study_source", "write_arm_files", "write_prediction_files"),
    "write_study_files",
]

FORM = 1
"""Counts the changes of these files that the numbers in them do not show, so that they are written again."""

OWN_TAGS = ("artifacts",)
"""Tags of the study's run that say nothing of the study."""


def arm_source(results: Results, arm: str, numbers: dict[str, float]) -> str:
    """The hash of all that `write_arm_files` shows of `arm`."""
    parts = [results.confirmed, results.learning()]
    return digest([FORM, numbers, *(_hash(part[part["arm"] == arm]) for part in parts)])


def write_arm_files(results: Results, arm: str, numbers: dict[str, float], folder: Path) -> None:
    """Write the files of an arm that has confirm runs.

    numbers: those of the arm (`analysis.verdict.published.numbers_of_arms`).
    """
    metric = results.record.metric
    _write_table(languages_of(numbers, metric), folder / "languages.json")
    runs = results.confirmed[results.confirmed["arm"] == arm]
    table = runs.pivot(index="language", columns="seed", values="value")
    names = [f"seed {seed}" for seed in table]
    table["mean"] = {name: numbers.get(f"test/{metric}/{name}") for name in table.index}
    title = in_words(metric, "test accuracy, points")
    save_png(heat_map(table, [*names, "mean"], arm, title), folder / "languages.png")
    _write_curves(results, folder, arm)


def study_source(results: Results) -> str:
    """The hash of all that `write_study_files` shows."""
    record = results.record
    tags = {name: value for name, value in record.tags.items() if name not in OWN_TAGS}
    said = [record.name, record.question, record.arms, record.partial, record.missing, record.readers, tags]
    said += [str(part) for part in (record.scientific, record.nuisance, record.fixed, record.facts)]
    said += [str(record.varied)] if record.varied else []
    tables = [_hash(table) for table in (record.trials, record.scores, record.curves)]
    return digest([FORM, said, tables, sorted(record.answers)])


def write_study_files(results: Results, folder: Path) -> None:
    """Write the files of the study: the report in `report/`, and the learning curves of all arms."""
    write_report(results, folder / "report")
    _write_curves(results, folder)


def write_prediction_files(predictions: pd.DataFrame, title: str, folder: Path) -> None:
    """Write the files of a confirm run.

    predictions: a row for each test text: `text`, a whole number; `language`, `label` and `prediction`,
    categories of names; `probability`, of the predicted label. In a token task there is a row for each word,
    and its number is `word`. title: what the run is.
    """
    table = pa.Table.from_pandas(predictions, preserve_index=False)
    numbers = [name for name in ("text", "word") if name in table.column_names]
    dictionaries = [name for name in table.column_names if name not in numbers]
    parquet.write_table(
        table,
        folder / "predictions.parquet",
        compression="zstd",
        use_dictionary=dictionaries,
        column_encoding=dict.fromkeys(numbers, "DELTA_BINARY_PACKED"),
    )
    _write_table(confusions(predictions), folder / "confusion.json")
    names = predictions["label"].cat.categories
    matrix = pd.crosstab(predictions["label"], predictions["prediction"])
    matrix = matrix.reindex(index=names, columns=names, fill_value=0)
    languages = predictions["language"].nunique()
    of = "words of test texts" if "word" in predictions else "test texts"
    title += f"\n{len(predictions)} {of} in {languages} languages"
    save_png(confusion_matrix(matrix, title), folder / "confusion.png")


def confusions(predictions: pd.DataFrame) -> pd.DataFrame:
    """The confusion matrices of all languages as one table: `language, label, prediction, texts, of`.

    texts: how many texts of `label` in `language` got `prediction`; pairs without a text are left out. of:
    how many texts the label has in the language. The mistakes come first, the most frequent of them on top.
    """
    by = ["language", "label", "prediction"]
    table = predictions.groupby(by, observed=True).size().rename("texts").reset_index()
    table[by] = table[by].astype(str)
    table["of"] = table.groupby(["language", "label"])["texts"].transform("sum")
    right = table["label"] == table["prediction"]
    order = table.assign(right=right, first=-table["texts"]).sort_values(["right", "first", *by])
    return table.loc[order.index].reset_index(drop=True)


def _write_curves(results: Results, folder: Path, arm: str | None = None) -> None:
    """Draw the learning curves of one arm, or of all arms; no file if there is no curve."""
    if (figure := _curves(results, arm)) is not None:
        save_png(figure, folder / "learning_curves.png")


def _curves(results: Results, arm: str | None) -> Figure | None:
    curves = results.learning()
    curves = curves if arm is None else curves[curves["arm"] == arm]
    if curves.empty:
        return None
    long = curves.melt(["key", "arm", "step"], ["macro", "worst"], "score").dropna(subset="value")
    where = placed(results.cells, results.factors).assign(rank=range(len(results.cells)))
    if arm is None:
        panel = long["score"] + long["arm"].map(where["panel"]).map(lambda said: f", {said}" if said else "")
        long = long.assign(panel=panel, line=long["arm"].map(where["line"]))
    else:
        long = long.assign(panel=long["score"], line=arm)
    long = long.assign(x=long["step"], rank=long["arm"].map(where["rank"]), run=long["key"])
    long = long.sort_values(["score", "rank", "x"], kind="stable")
    means = over_seeds(long, ["panel", "line", "x"])
    more = means["panel"].nunique() - MOST_PANELS
    xlabel = "optimiser steps" + (f" ({more} further panels are not drawn)" if more > 0 else "")
    ylabel = in_words(results.record.metric, "validation accuracy, points")
    return lines(means, xlabel, ylabel, seeds=long)


def _write_table(table: pd.DataFrame, path: Path) -> None:
    """Write `table` in the form of MLflow's `log_table`, which would add its rows to those that are there."""
    known = table.astype(object).where(table.notna(), None)  # JSON has no NaN
    path.write_text(json.dumps(known.to_dict("split", index=False), ensure_ascii=False), encoding="utf-8")


def _hash(table: pd.DataFrame) -> str:
    """The hash of the content of `table`."""
    rows = pd.util.hash_pandas_object(table, index=False).to_numpy()
    return sha256(repr(list(table.columns)).encode() + rows.tobytes()).hexdigest()
