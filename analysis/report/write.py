"""Writes the report of a study as files. The same record always gives the same bytes.

The results come from `analysis.verdict.results`, the content from `sections/`, the layout from `pages.py` and
`latex.py`, the drawings from `figures/`.
"""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pyarrow as pa
from markupsafe import Markup
from pyarrow import csv

from analysis.report.figures.style import inline_svg, save
from analysis.report.latex import latex_table
from analysis.report.pages import html_page, markdown_page
from analysis.report.paper import paper_table
from analysis.report.sections.first import first_screen
from analysis.report.sections.order import sections
from analysis.sweep.swept import Sweep
from analysis.verdict.results import Results
from study.errors import RequestError

__all__ = ["write_report"]

FOLDERS = ("figures", "tables")
MANIFEST = "report.files"
OURS = re.compile(r"figures/[^/\\]+\.(svg|png)|tables/[^/\\]+\.tex")


def write_report(results: Results, out: Path) -> list[Path]:
    """Writes the report into the folder `out` and returns the paths of its files.

    `report.html` is complete in itself: it contains figures and style, and loads nothing from a network.
    `report.md` has the same content. The CSV files are tidy tables of unrounded numbers (`_numbers`).
    `tables/` has the tables of the report for LaTeX, `figures/` the figures as SVG and PNG. `report.files`
    lists all these files. A later report in the same folder removes the tables and figures that this list
    names, and nothing else.

    Raises:
        RequestError: `out` cannot be written.
    """
    try:
        return _write(results, out)
    except OSError as error:
        raise RequestError(f"{out}: the report cannot be written there: {error.strerror or error}") from None


def _write(results: Results, out: Path) -> list[Path]:
    made = sections(results)
    for folder in FOLDERS:
        (out / folder).mkdir(parents=True, exist_ok=True)
    _remove_earlier(out)
    drawings = [*first_screen(results), *(drawing for section in made for drawing in section.drawings)]
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
    if (paper := paper_table(results)) is not None:
        texts["tables/paper_main.tex"] = paper
    for name, text in texts.items():
        (out / name).write_text(text, encoding="utf-8", newline="\n")
    numbers = _numbers(results)
    for name, frame in numbers.items():
        # pandas takes ten times as long for the million rows of a large study
        csv.write_csv(pa.Table.from_pandas(frame, preserve_index=False), out / name)
    paths = [
        *(out / name for name in (*texts, *numbers, MANIFEST)),
        *(path for pair in figures.values() for path in pair),
    ]
    names = sorted(path.relative_to(out).as_posix() for path in paths)
    (out / MANIFEST).write_text("".join(f"{name}\n" for name in names), encoding="utf-8", newline="\n")
    return paths


def _numbers(results: Results) -> dict[str, pd.DataFrame]:
    """File -> table. A table without rows still has its head in the file.

    trials.csv, per_language.csv    the recorded trials and scores
    effects.csv                     claim C1, main effects, interactions; by_seed: divided by spaces
    unseen.csv                      effects in seen languages, in unseen ones, and their difference
    scales.csv                      interactions on macro accuracy, and on its logit
    fractions.csv                   claim C4: how the copy's advantage changes if the data shrink tenfold
    convergence.csv                 claim C5: log2 of the ratio of steps
    variance.csv                    shares of variance
    front.csv                       of a study with costs: the Pareto front
    arms_compared.csv               the best arm against every other arm
    sweep_*.csv                     of a study that varies hyperparameters: effects, pairs of factors, curves,
                                    claim C4, predictions
    """
    effects = pd.concat([results.claim, results.effects], ignore_index=True)
    by_seed = _as_texts(effects["by_seed"])
    found = {
        "trials.csv": results.record.trials.drop(columns="run"),
        "per_language.csv": results.record.scores,
        "scales.csv": results.scales,
        "effects.csv": effects.assign(by_seed=by_seed),
        "unseen.csv": results.transfer.assign(by_seed=_as_texts(results.transfer["by_seed"])),
        "fractions.csv": results.advantage,
        "convergence.csv": results.convergence,
        "variance.csv": results.shares,
        "arms_compared.csv": results.compared,
    }
    found |= {} if results.front.empty else {"front.csv": results.front}
    return found if results.sweep is None else found | _of_sweep(results.sweep)


def _of_sweep(sweep: Sweep) -> dict[str, pd.DataFrame]:
    """The tables of a study that varies hyperparameters; none without a model."""
    if sweep.model is None:
        return {}
    tables = {
        "sweep_effects.csv": sweep.effects,
        "sweep_pairs.csv": sweep.interactions,
        "sweep_curves.csv": pd.concat([sweep.curves, sweep.curves_by], ignore_index=True),
        "sweep_advantage.csv": sweep.advantage,
        "sweep_predictions.csv": sweep.predictions,
    }
    mixed = ("at", "against", "low_value", "high_value", "value")  # names and amounts in one column
    return {
        name: table.assign(**{column: table[column].map(str) for column in mixed if column in table})
        for name, table in tables.items()
    }


def _as_texts(by_seed: pd.Series) -> list[str]:
    return [" ".join(map(repr, seeds)) for seeds in by_seed]


def _remove_earlier(out: Path) -> None:
    """Removes the tables and figures that the manifest names. The user's own files in the folder stay."""
    if (out / MANIFEST).is_file():
        for name in (out / MANIFEST).read_text("utf-8", errors="replace").splitlines():
            if OURS.fullmatch(name):
                (out / name).unlink(missing_ok=True)
