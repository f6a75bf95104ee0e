"""Do the intervals of a sweep cover, and do its tests keep their errors? Simulated sweeps with planted
effects.

Run as: python -m tests.benchmarks.sweeps [--studies N]
Prints a table for each truth and budget, and writes bench-results/sweeps.json.
`tests/analysis/sweep/test_effects.py` is the short form.

The truths are those of `tests/analysis/planted_sweep.py`: nothing acts; a second-order surface of the score,
which the model (on the logit) is not; a score that saturates at both ends, which it is not either. The noise
of a run grows 2.7 times from all data to the least. Of N sweeps a share strays by up to three standard
errors, sqrt(p (1 - p) / N).
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console

from analysis.statistics.intervals import ALPHA
from analysis.sweep.effects import advantage_by_data, effects, interactions
from analysis.sweep.model import fit
from analysis.sweep.population import Population
from study.cli.console import listing
from tests.analysis.planted_sweep import FACTORS, NOTHING, SATURATING, SECOND_ORDER, Truth, planted, true_mean

TRUTHS: dict[str, Truth] = {"nothing": NOTHING, "second order": SECOND_ORDER, "saturating": SATURATING}
BUDGETS = (32, 64, 128, 256)
C4 = "C4, tenfold less data"

Row = dict[str, Any]


def table(truth: Truth, trials: int, studies: int) -> dict[str, Row]:
    """Effect -> its truth, the mean of its estimates, the mean width, how many intervals hold the truth, and
    how
    many effects are shown after Holm's correction."""
    found: dict[str, list[tuple[float, float, float, bool]]] = {}
    pairs = 0
    for seed in range(studies):
        values, scores = planted(truth, trials, np.random.default_rng(seed))
        model = fit(FACTORS, values, pd.DataFrame({"macro": scores}), "macro")
        assert model is not None, f"{trials} trials are enough"
        population = Population(model, "macro")
        for row in effects(population, ["macro"]).itertuples():
            name = f"{row.factor}, {row.at} - {row.against}"
            found.setdefault(name, []).append((row.estimate, row.low, row.high, row.p_holm < ALPHA))
        for row in advantage_by_data(population, ["macro"]).itertuples():
            found.setdefault(C4, []).append((row.estimate, row.low, row.high, row.p < ALPHA))
        pairs += bool((interactions(population, "macro")["p_holm"] < ALPHA).any())
    rows = {name: _summed(_truth(truth, name), of_effect) for name, of_effect in found.items()}
    return rows | {"any pair of factors": {"shown": pairs / studies}}


def _summed(true: float, estimates: list[tuple[float, float, float, bool]]) -> Row:
    estimate, low, high, shown = (np.array(column) for column in zip(*estimates, strict=True))
    return {
        "truth": true,
        "estimate": float(estimate.mean()),
        "width": float((high - low).mean()),
        "covered": float(((low <= true) & (true <= high)).mean()),
        "shown": float(shown.mean()),
    }


def _truth(truth: Truth, name: str) -> float:
    """The planted effect called `name`."""
    if name == C4:
        small, large = (
            true_mean(truth, {"init": "teacher", "data_fraction": share})
            - true_mean(truth, {"init": "random", "data_fraction": share})
            for share in (0.02, 1.0)
        )
        return (small - large) / math.log10(50)
    factor, _, levels = name.partition(", ")
    named = next(each for each in FACTORS if each.name == factor)
    at, against = (text if not named.numeric else float(text) for text in levels.split(" - "))
    return true_mean(truth, {factor: at}) - true_mean(truth, {factor: against})


def tables(studies: int) -> Iterator[tuple[str, dict[str, Row]]]:
    """Title and rows of each table."""
    for name, truth in TRUTHS.items():
        for trials in BUDGETS:
            yield f"{name}, {trials} trials", table(truth, trials, studies)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--studies", type=int, default=1_000, help="of each truth and budget")
    studies = parser.parse_args().studies
    console, out = Console(width=120), Path("bench-results")
    out.mkdir(exist_ok=True)
    found: dict[str, dict[str, Row]] = {}
    columns = ["truth", "estimate", "width", "covered", "shown"]
    for title, rows in tables(studies):
        found[title] = rows
        console.print(
            listing(
                [title, *columns],
                [
                    [name, *(f"{row[c]:.3f}" if c in row else None for c in columns)]
                    for name, row in rows.items()
                ],
            )
        )
        (out / "sweeps.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
