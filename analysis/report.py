"""The report: what a study found, as files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from analysis.record import StudyRecord
from analysis.summary import arms_summary, languages_summary

__all__ = ["write_report"]


def write_report(record: StudyRecord, out: Path) -> list[Path]:
    """Write `report.md`, `trials.csv` and `per_language.csv` into `out`; returns their paths."""
    out.mkdir(parents=True, exist_ok=True)
    paths = [out / "report.md", out / "trials.csv", out / "per_language.csv"]
    paths[0].write_text(_markdown(record), encoding="utf-8")
    record.trials.drop(columns="run").to_csv(paths[1], index=False)
    record.scores.to_csv(paths[2], index=False)
    return paths


def _markdown(record: StudyRecord) -> str:
    parts = [f"# {record.name}", record.question]
    counts = record.trials.groupby(["phase", "outcome"]).size()
    ended = ", ".join(f"{n} {phase} {outcome}" for (phase, outcome), n in counts.items())
    parts += [
        f"Trials: {ended}." if ended else "No trial has ended yet.",
        "## Arms",
        _table(arms_summary(record)),
    ]
    for split in ("test", "validation"):
        languages = languages_summary(record, split)
        if len(languages):
            heading = f"## Accuracy per language, {split}, mean over confirm seeds"
            parts += [heading, _table(languages.reset_index())]
    parts.append(
        "`search best` was chosen for being high; compare arms by the confirm columns. "
        "Differences here carry no interval."
    )
    return "\n\n".join(parts) + "\n"


def _table(frame: pd.DataFrame) -> str:
    """A Markdown table; numbers with three decimals, missing ones a dash."""
    head = "| " + " | ".join(map(str, frame.columns)) + " |"
    rule = "|" + "|".join(" --- " for _ in frame.columns) + "|"
    rows = ["| " + " | ".join(map(_cell, row)) + " |" for row in frame.itertuples(index=False)]
    return "\n".join([head, rule, *rows])


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
