"""Is tuning taken for an effect? Planted studies whose arms are equal at their best, with unequal widths.

Run as: python -m tests.benchmarks.tuning [--studies N] [--part PART ...]
Prints tables, writes bench-results/tuning-PART.json. `python -m tests.benchmarks.calibration` prints them
too.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from study.cli.console import listing
from tests.analysis.tuned import Planted, judged, studies
from tests.analysis.tuned_cells import BUDGETS, CELLS, QUICK, SHIPPED

__all__ = ["PARTS", "budgets", "by_cell", "tables"]

Rows = dict[str, dict[str, Any]]
VARIANTS = {
    "best tried": (False, False),
    "best tried, with tuning": (False, True),
    "interpolated": (True, False),
    "interpolated, with tuning": (True, True),
}
"""Whether the optimum is interpolated, and whether intervals have the tuning's part."""
PARTS = ("quickstart", *(f"{trials} trials, {seeds} seeds" for trials, seeds in SHIPPED), "budgets")
FEWER = 4
"""Neighbouring budgets get so many times fewer studies."""


def by_cell(cells: dict[str, Planted], count: int) -> dict[str, Rows]:
    """For each variant a table: a row for each cell, with `judged`."""
    found: dict[str, Rows] = {variant: {} for variant in VARIANTS}
    for name, planted in cells.items():
        for interpolated in (False, True):
            drawn = list(studies(planted, count, interpolated, np.random.default_rng(0)))
            for variant, (is_interpolated, tuning) in VARIANTS.items():
                if interpolated == is_interpolated:
                    found[variant][name] = judged(drawn, tuning)
    return found


def budgets(count: int) -> Rows:
    """For each budget and variant, the worst cell: most false claims, least coverage, greatest width."""
    rows: Rows = {}
    for trials, seeds in BUDGETS:
        cells = {name: replace(cell, trials=trials, seeds=seeds) for name, cell in CELLS.items()}
        for variant, table in by_cell(cells, count).items():
            each = list(table.values())
            worst = {name: max(row[name] for row in each) for name in ("C1", "effect", "winner")}
            worst |= {name: min(row[name] for row in each) for name in ("covered", "pair")}
            rows[f"{trials} trials, {seeds} seeds, {variant}"] = {"studies": count} | worst
    return rows


def tables(part: str, count: int) -> Iterator[tuple[str, Rows]]:
    """Title and rows of the tables of a part."""
    if part == "budgets":
        yield "the worst cell by budget", budgets(max(1, count // FEWER))
        return
    cells = QUICK
    if part != "quickstart":
        trials, seeds = SHIPPED[PARTS.index(part) - 1]
        cells = {name: replace(cell, trials=trials, seeds=seeds) for name, cell in CELLS.items()}
    for variant, rows in by_cell(cells, count).items():
        yield f"{part}, {variant}", rows


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--studies", type=int, default=1000, help="of each cell")
    parser.add_argument("--part", nargs="*", choices=PARTS, default=PARTS)
    asked = parser.parse_args()
    out = Path("bench-results")
    out.mkdir(exist_ok=True)
    console = Console(width=120)
    for part in asked.part:
        found = dict(tables(part, asked.studies))
        for title, rows in found.items():
            columns = list(next(iter(rows.values())))
            shown = [[name, *(f"{value:.3g}" for value in row.values())] for name, row in rows.items()]
            console.print(listing([title, *columns], shown))
        name = f"tuning-{part.replace(', ', '-').replace(' ', '-')}.json"
        (out / name).write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
