"""Scenarios that the report's numbers are calibrated on: what is asked of which simulated study."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np

from analysis.record.domain import Value
from analysis.statistics.intervals import MARGIN
from tests.analysis.calibrated import Statistic, in_new_languages, macro, of_a_language, worst
from tests.analysis.simulate import CORE, Array, Scenario

__all__ = [
    *(
        "ANSWERED",
        "CLAIMED",
        "COVERED",
        "DETECTED",
        "EQUAL",
        "NEW",
        "ON_TEXTS",
        "RECORDS",
        "SMALLER",
        "STEPS",
        "TESTED",
        "TUNED",
    ),
    *(
        "FLAT",
        "INIT",
        "LOW_RESOURCE",
        "OF_ONE_ARM",
        "POWER",
        "PRECISE",
        "SIX_FRACTIONS",
        "TEACHERS",
        "TWO",
        "above",
        "of_two_effects",
    ),
]

LOW_RESOURCE: dict[str, tuple[Value, ...]] = {
    "init": ("random", "base", "teacher"),
    "data_fraction": (0.01, 0.1, 1.0),
}

SIX_FRACTIONS: dict[str, tuple[Value, ...]] = {
    "init": ("random", "base", "teacher"),
    "data_fraction": (0.01, 0.05, 0.1, 0.2, 0.5, 1.0),
}
TEACHERS: dict[str, tuple[Value, ...]] = {
    "init": ("random", "teacher"),
    "data_fraction": (0.01, 0.1, 0.5),
    "teacher_data": ("full", "same"),
}
TWO: dict[str, tuple[Value, ...]] = {"init": ("random", "teacher")}


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


def of_two_effects(copying: float, distilling: float) -> Callable[[dict[str, Value]], float]:
    """A quality to which copying and distilling each add so much."""
    return lambda cell: copying * (cell["init"] == "teacher") + distilling * (cell["alpha"] != 1.0)


INIT = "init: teacher - random"
FLAT = Scenario(curvature=0, arm_language=0)
"""No arm differs from another in anything but chance."""
UNEVEN = (0.04, 0.04, 0.01, 0.01, 0.01, 0.01)
"""Random init is four times as noisy as the others."""
PRECISE = replace(FLAT, seed=0.002, arm_seed=0.002, rest=0.005)
"""So little noise that differences of `MARGIN` matter."""

COVERED: dict[str, tuple[Scenario, str]] = {
    **{f"{s} seeds": (Scenario(seeds=s), INIT) for s in (2, 3, 5, 10)},
    "interaction, 5 seeds": (Scenario(), "init x alpha: (teacher - random) at 0.2 - at 1.0"),
    "C1, 5 seeds": (Scenario(), "C1"),
    "2 search trials": (Scenario(trials=2), INIT),
    "8 search trials at random": (Scenario(sampler="random"), INIT),
    "random init four times as noisy": (Scenario(arm_seed=UNEVEN), INIT),
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

SMALLER: dict[str, tuple[Scenario, str, Statistic]] = {
    **{f"worst language, {s} seeds": (Scenario(seeds=s), INIT, worst) for s in (3, 5, 10)},
    "worst language, 5 seeds, 52 languages": (Scenario(languages=52), INIT, worst),
    "worst language, 5 seeds, 8 alike": (Scenario(language=0), INIT, worst),
    "worst language, 5 seeds, one run in ten lost": (Scenario(lost=0.1), INIT, worst),
    "one language, 5 seeds": (Scenario(), INIT, of_a_language),
    **{f"C4, {s} seeds": (Scenario(LOW_RESOURCE, seeds=s), "C4", macro) for s in (3, 5, 10)},
    "C4, 5 seeds, six fractions": (Scenario(SIX_FRACTIONS), "C4", macro),
    "C4, 5 seeds, one run in ten lost": (Scenario(LOW_RESOURCE, lost=0.1), "C4", macro),
}

OF_ONE_ARM = (0.2, 0.6)
"""Seeds of one arm err on the same texts, as students of one teacher do."""

ON_TEXTS: dict[str, Scenario] = {
    f"{told}, {seeds} seeds": replace(FLAT, factors=TWO, seeds=seeds, texts=texts, difficulty=OF_ONE_ARM)
    for told, texts in (
        ("100 texts a language", (100,)),
        ("20 texts a language", (20,)),
        ("20 to 500 texts", (20, 100, 500)),
    )
    for seeds in (3, 5, 10)
}
"""Two arms that do not differ, on texts that are a sample."""

CLAIMED: dict[str, Scenario] = {
    **{f"no difference, {s} seeds": replace(FLAT, seeds=s) for s in (3, 5, 10)},
    "no difference, 52 languages": replace(FLAT, languages=52),
    "no difference, random init four times as noisy": replace(FLAT, arm_seed=UNEVEN),
    "no difference, one run in ten lost": replace(FLAT, lost=0.1),
    "two equal arms far above four": replace(FLAT, quality=above(0.2, init="teacher")),
    **{f"two arms, no difference, {s} seeds": replace(FLAT, factors=TWO, seeds=s) for s in (3, 5, 10)},
}
"""Of two equal arms one is named the winner in 5% of studies; of more it would have to beat all others."""

ANSWERED: dict[str, Scenario] = {
    **{f"no difference, C1, {s} seeds": replace(FLAT, seeds=s) for s in (3, 5, 10)},
    **{
        f"no difference, C4 for two kinds of teacher, {s} seeds": replace(FLAT, factors=TEACHERS, seeds=s)
        for s in (3, 5, 10)
    },
    **{
        f"copying {copying:+g}, distilling {distilling:+g}, C1, {s} seeds": replace(
            FLAT, seeds=s, quality=of_two_effects(copying, distilling)
        )
        for copying, distilling in ((0.05, 0.05), (0.05, -0.05), (-0.05, -0.05), (0.02, 0.02))
        for s in (3, 5, 10)
    },
}
"""What the first screen claims where the factors ask claim C1 or C4, and every sign would be false."""

SAMPLED: tuple[tuple[Literal["quasi", "random"], str], ...] = (("quasi", ""), ("random", " at random"))

TUNED: dict[str, Scenario] = {
    f"{arms} arms, {trials} search trials{where}": replace(
        FLAT, factors=factors, curvature=0.02, trials=trials, sampler=sampler
    )
    for sampler, where in SAMPLED
    for arms, factors in (("two", TWO), ("six", CORE))
    for trials in (2, 4, 8, 16, 32, 64)
}
"""Arms are equal at their best values, which the search misses by chance: what is claimed is true at the
selected values, and not of the methods.
"""

EQUAL: dict[str, tuple[Scenario, Statistic]] = {
    f"{name}, {seeds} seeds, {told}": (
        replace(PRECISE, seeds=seeds, arm_language=spread, quality=above(size, init="teacher")),
        statistic,
    )
    for name, statistic, spread in (
        ("macro", macro, 0.0),
        ("worst", worst, 0.0),
        ("new languages", in_new_languages, 0.004),
    )
    for told, size in (("at the margin", MARGIN), ("no difference", 0.0))
    for seeds in (3, 5, 10)
}

TESTED: dict[str, Scenario] = {
    **{f"no difference, {s} seeds": replace(FLAT, seeds=s) for s in (3, 5, 10)},
    "no difference, 5 seeds, one run in ten lost": replace(FLAT, lost=0.1),
    "no difference, 5 seeds, random init four times as noisy": replace(FLAT, arm_seed=UNEVEN),
    "no difference, 5 seeds, one run in ten far below": replace(FLAT, arm_seed=0.03, draw=outliers),
}

SPEED = Scenario(languages=1, language=0, seed=0.3, arm_seed=0.3, rest=0, arm_language=0, curvature=0)
"""log2 of the steps that a run takes; see `calibrated.steps`."""


def _twice_as_fast(constant: float, cell: dict[str, Value]) -> float:
    """log2 of the reports that a run takes; a copy takes half as many."""
    return math.log2(constant) - (cell["init"] == "teacher")


STEPS: dict[str, tuple[Scenario, int]] = {
    f"{seeds} seeds, 90% at about report {2.3 * constant:.0f} of {reports}, a copy's at half": (
        replace(
            SPEED,
            seeds=seeds,
            quality=partial(_twice_as_fast, constant),
        ),
        reports,
    )
    for constant, reports in ((2, 60), (8, 60), (2, 8), (2, 4))
    for seeds in (3, 5)
}
"""And reports a run. With few of them a student is stopped long before its limit."""

RECORDS: dict[str, Scenario] = {
    f"a record, {seeds} seeds": Scenario(
        {"init": ("random", "teacher"), "alpha": (1.0, 0.2)},
        seeds=seeds,
        languages=4,
        language=0.03,
        lost=0.05,
        failed=0.05,
    )
    for seeds in (3, 5, 10)
}
"""Through selection, `confirmed` and the rest of the report; large learning rates diverge."""

POWER = "init x data_fraction: (teacher - random) at 1.0 - at 0.01"


def growing(size: float) -> Callable[[dict[str, Value]], float]:
    """The copy gains as much with every tenfold less data, `size` at 1%."""
    return lambda cell: size * (cell["init"] == "teacher") * -math.log10(float(cell["data_fraction"])) / 2


DETECTED: dict[str, Scenario] = {
    f"{size} more for the copy at 1%, {s} seeds": Scenario(
        SIX_FRACTIONS, seeds=s, arm_language=0, quality=growing(size)
    )
    for size in (0.0, 0.02, 0.04, 0.08)
    for s in (3, 5, 10)
}
"""What is claimed at 0 is what the search left between arms that are alike at their best values."""
