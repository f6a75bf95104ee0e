"""Do the intervals cover and the tests keep their errors? Simulated studies, the noisy tuning step included.

Run as: python -m tests.benchmarks.calibration [--studies N]
Prints tables, writes bench-results/calibration.json. `tests/analysis/test_calibration.py` is the short form.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from analysis.domain import Value
from analysis.effects.arms import best_against_others, winner
from analysis.effects.contrasts import Contrast, copy_and_distillation, interactions, main_effects
from analysis.intervals import ALPHA, Interval, holm, new_languages, paired_t
from study.tables import listing
from tests.analysis.simulate import Array, Scenario, Studies, simulate

__all__ = ["Claims", "Coverage", "claims", "contrasts_of", "coverage", "heavy", "outliers"]

LOW_RESOURCE: dict[str, tuple[Value, ...]] = {
    "init": ("random", "base", "teacher"),
    "data_fraction": (0.01, 0.1, 1.0),
}

Coverage = dict[str, float]
Claims = dict[str, float]


def contrasts_of(studies: Studies) -> dict[str, Contrast]:
    """The effects of the design by name, claim C1 as "C1"; `studies` have the same design."""
    runs, factors = (
        replace(studies, values=np.zeros_like(studies.values[:1])).runs(0),
        studies.scenario.factors,
    )
    found = {c.name: c for c in (*main_effects(runs, factors), *interactions(runs, factors))}
    c1 = copy_and_distillation(runs, factors)
    return found | ({"C1": c1} if c1 else {})


def coverage(studies: Studies, effect: str, estimand: str = "these languages") -> Coverage:
    """Over the studies: share of intervals that hold the truth, share of p < 0.05, the intervals' mean width,
    and the estimates' mean error in units of its standard error (`bias`).

    Where runs are lost, the truth is that of the cells that the estimate is of.
    """
    contrast, covered, claimed, widths, errors = contrasts_of(studies)[effect], 0, 0, [], []
    for values, new, these in zip(studies.values, studies.new, studies.these, strict=True):
        paired = contrast.paired(values)
        if paired is None or len(paired.differences) < 2:
            continue
        interval: Interval
        if estimand == "new languages":
            interval, truth = new_languages(paired.differences), float(paired.weights @ new)
        else:
            interval, truth = paired_t(paired.differences.mean(axis=1)), float(paired.weights @ these)
        covered += interval.low <= truth <= interval.high
        claimed += interval.p < ALPHA
        widths.append(interval.high - interval.low)
        errors.append(interval.estimate - truth)
    return {
        "studies": len(errors),
        "covered": covered / len(errors),
        "claimed": claimed / len(errors),
        "width": float(np.mean(widths)),
        "bias": float(np.mean(errors) / np.std(errors, ddof=1) * np.sqrt(len(errors))),
    }


def claims(studies: Studies) -> Claims:
    """Share of the studies that claim, after correction: that the best arm is above any other (`better`), or
    above every other (`winner`); and a main effect (`effect`, Holm over the main effects on macro).
    """
    mains = [c for c in contrasts_of(studies).values() if c.kind == "main"]
    better = won = effect = 0
    for study, values in enumerate(studies.values):
        compared = best_against_others(studies.runs(study))
        above_one = bool(compared["p_holm"].min() < ALPHA)
        better += above_one
        won += above_one and winner(compared) is not None
        found = [c.paired(values) for c in mains]
        p = [paired_t(one.differences.mean(axis=1)).p for one in found if one]
        effect += bool((holm(np.array(p)) < ALPHA).any())
    n = len(studies.values)
    return {"studies": n, "better": better / n, "winner": won / n, "effect": effect / n}


def heavy(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Student's t with 3 degrees of freedom, of variance 1."""
    return rng.standard_t(3, shape) / np.sqrt(3)


def outliers(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """One in ten lies three units below the others: a seed that did not learn; of variance 1, mean 0."""
    drawn = rng.standard_normal(shape) - 3 * (rng.random(shape) < 0.1)
    return (drawn + 0.3) / np.sqrt(1 + 9 * 0.09)


def above(size: float, **where: Value) -> Callable[[dict[str, Value]], float]:
    """A quality that is `size` above the rest in the cells with these levels."""
    return lambda cell: size if all(cell[name] == level for name, level in where.items()) else 0.0


INIT = "init: teacher - random"
FLAT = Scenario(curvature=0, arm_language=0)
"""No arm differs from another in anything but chance."""

COVERED: dict[str, tuple[Scenario, str]] = {
    **{f"{s} seeds": (Scenario(seeds=s), INIT) for s in (2, 3, 5, 10)},
    "interaction, 5 seeds": (Scenario(), "init x alpha: (teacher - random) at 0.2 - at 1.0"),
    "C1, 5 seeds": (Scenario(), "C1"),
    "2 search trials": (Scenario(trials=2), INIT),
    "random init four times as noisy": (Scenario(arm_seed=(0.04, 0.04, 0.01, 0.01, 0.01, 0.01)), INIT),
    "one run in ten lost": (Scenario(lost=0.1), INIT),
    "one run in four lost": (Scenario(lost=0.25), INIT),
    "three search trials in ten fail": (Scenario(failed=0.3), INIT),
    "heavy tails (t, 3 df)": (Scenario(draw=heavy), INIT),
    "3 seeds, one run in ten far below": (Scenario(seeds=3, arm_seed=0.03, draw=outliers), INIT),
    "5 seeds, one run in ten far below": (Scenario(arm_seed=0.03, draw=outliers), INIT),
    "10 seeds, one run in ten far below": (Scenario(seeds=10, arm_seed=0.03, draw=outliers), INIT),
}

NEW: dict[str, Scenario] = {
    **{
        f"{s} seeds, {k} languages": Scenario(seeds=s, languages=k)
        for s in (3, 5, 10)
        for k in (3, 6, 12, 52)
    },
    "5 seeds, 8 languages, seeds alone differ": Scenario(arm_language=0, arm_seed=0.02),
    "5 seeds, 8 languages, languages alone differ": Scenario(arm_seed=0, arm_language=0.02),
    "5 seeds, 8 languages, neither differs": Scenario(arm_seed=0, arm_language=0),
    "3 seeds, 52 languages, seeds and languages alike": Scenario(
        seeds=3, languages=52, arm_seed=0.01, arm_language=0.07
    ),
    "5 seeds, 8 languages, heavy tails (t, 3 df)": Scenario(draw=heavy),
}

CLAIMED: dict[str, Scenario] = {
    **{f"no difference, {s} seeds": replace(FLAT, seeds=s) for s in (3, 5, 10)},
    "no difference, random init four times as noisy": replace(
        FLAT, arm_seed=(0.04, 0.04, 0.01, 0.01, 0.01, 0.01)
    ),
    "no difference, one run in ten lost": replace(FLAT, lost=0.1),
    "two equal arms far above four": replace(FLAT, quality=above(0.2, init="teacher")),
    "no difference at the best values, 2 search trials": replace(FLAT, curvature=0.02, trials=2),
    "no difference at the best values, 8 search trials": replace(FLAT, curvature=0.02, trials=8),
    "no difference at the best values, 32 search trials": replace(FLAT, curvature=0.02, trials=32),
}

POWER = "init x data_fraction: (teacher - random) at 1.0 - at 0.01"
DETECTED: dict[str, Scenario] = {
    f"{size} more for the copy at 1%, {s} seeds": Scenario(
        factors=LOW_RESOURCE, seeds=s, quality=above(size, init="teacher", data_fraction=0.01)
    )
    for size in (0.02, 0.04, 0.08)
    for s in (3, 5, 10)
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--studies", type=int, default=10_000, help="of each scenario")
    n = parser.parse_args().studies
    rng = np.random.default_rng(0)
    found: dict[str, dict[str, Any]] = {
        "these languages": {k: coverage(simulate(s, n, rng), e) for k, (s, e) in COVERED.items()},
        "new languages": {k: coverage(simulate(s, n, rng), INIT, "new languages") for k, s in NEW.items()},
        "claims": {k: claims(simulate(s, n // 2, rng)) for k, s in CLAIMED.items()},
        "interaction found": {k: coverage(simulate(s, n // 2, rng), POWER) for k, s in DETECTED.items()},
    }
    console = Console()
    for title, rows in found.items():
        columns = list(next(iter(rows.values())))
        console.print(
            listing([title, *columns], [[k, *(f"{v:.4g}" for v in r.values())] for k, r in rows.items()])
        )
    out = Path("bench-results")
    out.mkdir(exist_ok=True)
    (out / "calibration.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
