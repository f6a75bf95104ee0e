"""The report: what a study found, as files; the same bytes whenever it is made of the same record.

`results.py` computes, `sections/` says what is in it, `answer.py` the first sentence, `pages.py` and
`latex.py` set it, `figures/` draws.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pyarrow as pa
from markupsafe import Markup
from pyarrow import csv

from analysis.figures.style import inline_svg, save
from analysis.latex import latex_table
from analysis.pages import html_page, markdown_page
from analysis.record import StudyRecord
from analysis.results import Results
from analysis.sections import sections

__all__ = ["write_report"]


def write_report(record: StudyRecord, out: Path) -> list[Path]:
    """Write the report into `out`; returns the paths of its files.

    `report.html` stands alone: figures and style are in it, and it asks no network. `report.md` says the
    same. `trials.csv`, `per_language.csv` and `effects.csv` are tidy tables of numbers in full; `tables/`
    has the report's tables for LaTeX, `figures/` its figures as SVG and PNG. Whatever else was in these two
    folders is removed: an earlier report of the study may have had others.
    """
    results = Results(record)
    made = sections(results)
    for folder in ("figures", "tables"):
        shutil.rmtree(out / folder, ignore_errors=True)
        (out / folder).mkdir(parents=True)
    drawings = [drawing for section in made for drawing in section.drawings]
    figures = {each.name: save(each.draw(), out / "figures", each.name) for each in drawings}
    svgs = {
        each.name: Markup(inline_svg(figures[each.name][0].read_text("utf-8"), each.name, each.caption))
        for each in drawings
    }
    texts = {
        "report.html": html_page(results, made, svgs),
        "report.md": markdown_page(results, made),
        **{f"tables/{table.name}.tex": latex_table(table) for section in made for table in section.tables},
    }
    for name, text in texts.items():
        (out / name).write_text(text, encoding="utf-8", newline="\n")
    numbers = {
        "trials.csv": record.trials.drop(columns="run"),
        "per_language.csv": record.scores,
        "effects.csv": pd.concat([results.claim, results.effects], ignore_index=True),
    }
    for name, frame in numbers.items():  # pandas takes ten times as long for a large study's million rows
        csv.write_csv(pa.Table.from_pandas(frame, preserve_index=False), out / name)
    return [
        *(out / name for name in (*texts, *numbers)),
        *(path for pair in figures.values() for path in pair),
    ]
