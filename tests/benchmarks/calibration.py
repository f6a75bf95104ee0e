"""Do the intervals cover and the tests keep their errors? Simulated studies, the noisy tuning step included.

Run as: python -m tests.benchmarks.calibration [--studies N]
Prints each table when its studies are done, and writes bench-results/calibration.json.
`tests/analysis/statistics/test_calibration.py` is the short form.

Of N studies, a share strays by up to three standard errors, sqrt(p (1 - p) / N): 0.02 around 0.95 at 1,000.
What goes through the report's own tables (F tests, claim C5, whole records) is of at most `SLOW` studies, and
so are the tables of the tuning (`tuning.py`).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from study.cli.console import listing
from tests.analysis import scenarios
from tests.analysis.calibrated import (
    Rates,
    Statistic,
    coverage,
    f_tests,
    in_new_languages,
    language_claimed,
    macro,
    main_effect_claimed,
    of_a_language,
    rates,
    shown_equal,
    sign_concluded,
    steps,
    winners,
    without_texts,
    worst,
)
from tests.analysis.collapsed import ARMS, found_in
from tests.analysis.scenarios import INIT, POWER
from tests.analysis.simulate import Scenario, Studies, simulate
from tests.analysis.simulated_record import in_records, simulate_record
from tests.benchmarks import tuning

SLOW = 1_000
TEXTS = 2_000
"""At most so many studies with texts, which take memory."""
ON_TEXTS: dict[str, Statistic] = {
    "macro": macro,
    "a language": of_a_language,
    "worst": worst,
    "new languages": in_new_languages,
}


def covered(studies: Studies, effect: str = INIT, statistic: Statistic = macro) -> dict[str, Any]:
    """`coverage`, and whether it is where 95% intervals should be."""
    return judged(coverage(studies, effect, statistic))


def judged(found: Rates) -> dict[str, Any]:
    share = found["covered"]
    told = "conservative" if share > 0.97 else "below 93%" if share < 0.93 else "93-97%"
    return {**found, "intervals": told}


def equal(studies: Studies, statistic: Statistic) -> Rates:
    """How often "no difference" is claimed: of one that is as large as the margin, by error alone."""
    return {"studies": len(studies.values), "equal": shown_equal(statistic(studies, INIT))}


def claimed(studies: Studies) -> Rates:
    """All that a study may claim: a winner, a main effect on macro or on worst, an effect in a language."""
    on_worst, in_one = main_effect_claimed(studies, "worst"), language_claimed(studies, INIT)
    return named(studies) | {"on worst": on_worst, "in a language": in_one}


def answered(studies: Studies) -> Rates:
    return {"studies": len(studies.values), "a sign": sign_concluded(studies)}


def named(studies: Studies) -> Rates:
    return winners(studies) | {"main effect": main_effect_claimed(studies)}


def found_of(studies: Studies) -> Rates:
    """How often the planted interaction is claimed: by itself, and as the slope that answers claim C4."""
    by_itself, slope = coverage(studies, POWER), coverage(studies, "C4")
    return {"studies": by_itself["studies"], "interaction": by_itself["claimed"], "C4": slope["claimed"]}


def tables(n: int, rng: np.random.Generator) -> Iterator[tuple[str, dict[str, Any]]]:
    """Title and rows of each table, from `n` studies of each scenario."""
    slow, texts = min(n, SLOW), min(n, TEXTS)

    def of(scenario: Scenario, studies: int) -> Studies:
        return simulate(scenario, studies, rng)

    yield "these languages", {k: covered(of(s, n), e) for k, (s, e) in scenarios.COVERED.items()}
    yield "new languages", {k: covered(of(s, n), INIT, in_new_languages) for k, s in scenarios.NEW.items()}
    for name, statistic in ON_TEXTS.items():
        for told, by in (("seeds only", without_texts(statistic)), ("crossed", statistic)):
            rows = {k: covered(of(s, texts), INIT, by) for k, s in scenarios.ON_TEXTS.items()}
            yield f"{name}, on texts, {told}", rows
    yield (
        "worst, a language, slope",
        {k: covered(of(s, n), e, by) for k, (s, e, by) in scenarios.SMALLER.items()},
    )
    for criterion, title in (("own", "steps to its own score"), ("better", "steps to the better's")):
        yield (
            title,
            {
                k: covered(of(s, slow), INIT, partial(steps, criterion=criterion, reports=reports))
                for k, (s, reports) in scenarios.STEPS.items()
            },
        )
    yield (
        "whole records",
        {
            k: judged(rates(in_records([simulate_record(s, rng) for _ in range(slow)], INIT)))
            for k, s in scenarios.RECORDS.items()
        },
    )
    yield "claims", {k: claimed(of(s, n)) for k, s in scenarios.CLAIMED.items()}
    yield "claims of the answer", {k: answered(of(s, n)) for k, s in scenarios.ANSWERED.items()}
    yield "arms equal at their best", {k: named(of(s, n)) for k, s in scenarios.TUNED.items()}
    yield "two kinds of seeds", {k: found_in(arm, n, rng) for k, arm in ARMS.items()}
    yield "F tests", {k: f_tests(of(s, slow)) for k, s in scenarios.TESTED.items()}
    yield "shown to be equal", {k: equal(of(s, n), by) for k, (s, by) in scenarios.EQUAL.items()}
    yield "interaction found", {k: found_of(of(s, n)) for k, s in scenarios.DETECTED.items()}
    for part in tuning.PARTS:
        yield from tuning.tables(part, slow)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--studies", type=int, default=4_000, help="of each scenario")
    n = parser.parse_args().studies
    console = Console(width=120)
    out = Path("bench-results")
    out.mkdir(exist_ok=True)
    found: dict[str, dict[str, Any]] = {}
    for title, rows in tables(n, np.random.default_rng(0)):
        found[title] = rows
        columns = list(next(iter(rows.values())))
        console.print(listing([title, *columns], [[k, *map(shown, r.values())] for k, r in rows.items()]))
        (out / "calibration.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def shown(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"


if __name__ == "__main__":
    main()
