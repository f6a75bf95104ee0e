"""What could change the answer of a study that varies hyperparameters."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from analysis.record.formats import number, percent, points
from analysis.search.sampler_facts import facts_of
from analysis.sweep.swept import Sweep
from analysis.verdict.caveats import teacher_caveats

__all__ = ["sweep_caveats"]

FEW = 0.3
"""If the model explains a smaller share of the variance of new runs, that is a caveat."""


def sweep_caveats(sweep: Sweep) -> list[str]:
    """The caveats, one to three sentences each."""
    parts = (_at_chance, _without_score, _fit, _sampler, _edges)
    own = [text for part in parts for text in part(sweep)]
    return [*own, *teacher_caveats(sweep.record), TEXTS]


TEXTS = (
    "All trials are scored on the same validation texts. The intervals are over seeds and data samples, not "
    "over texts: on other texts, effects may differ by more."
)


def _at_chance(sweep: Sweep) -> Iterator[str]:
    lost = sweep.scored[sweep.at_chance]
    if lost.empty:
        return
    where = _where(lost, sweep)
    yield (
        f"{len(lost)} of {len(sweep.scored)} students learned nothing: they ended at chance{where}. The "
        "model and all effects are of the other students."
    )


def _where(lost: pd.DataFrame, sweep: Sweep) -> str:
    """Where the lost students are, by the first factor that has names and by the first nuisance."""
    said = []
    if sweep.by is not None:
        counts = lost[sweep.by].value_counts()
        said.append(", ".join(f"{count} with {sweep.by} {level}" for level, count in counts.items()))
    for factor in (factor for factor in sweep.factors if factor.nuisance and factor.numeric):
        values = lost[factor.name].dropna().astype(float)
        if len(values):
            said.append(f"{factor.name} {number(values.min())} to {number(values.max())}")
    return f" ({'; '.join(said)})" if said else ""


def _without_score(sweep: Sweep) -> Iterator[str]:
    search = sweep.record.trials[sweep.record.trials["phase"] == "search"]
    counts = search["outcome"].value_counts()
    lost = [f"{counts[name]} {name}" for name in ("diverged", "failed") if name in counts]
    if lost:
        yield f"Trials without a score are in no effect: {', '.join(lost)} of {len(search)}."


def _fit(sweep: Sweep) -> Iterator[str]:
    if sweep.model is None:
        return
    check = sweep.check
    if not check.fits:
        yield (
            f"The model does not bend enough: runs differ from the model by {points(check.noise)} points, "
            "and a Gaussian process predicts runs that it has not seen with an error of "
            f"{points(check.process_error)}. Effects over a whole range, and the ends of curves, may be off "
            "by more than their intervals."
        )
    if not check.explained >= FEW:
        share = percent(max(check.explained, 0.0))
        yield (
            f"The model explains {share}% of the variance of runs that it has not seen. More trials would "
            "say more."
        )


def _sampler(sweep: Sweep) -> Iterator[str]:
    if (count := sweep.record.facts.get("enqueued")) is not None:
        yield f"The user chose {count} of the points (--enqueue), which may not be spread evenly."
    elif facts_of(sweep.record.sampler).drawn == "first":
        sampler = sweep.record.facts.get("sampler", "not known")
        yield (
            f"The points were not spread evenly (sampler {sampler}): regions with high scores have more "
            "trials. Effects over a range rely more on the model there. Random or quasi-random points avoid "
            "this."
        )


def _edges(sweep: Sweep) -> Iterator[str]:
    """A nuisance hyperparameter of which the best value lies at an end of its range."""
    if sweep.model is None:
        return
    best = sweep.population.best({})
    for factor in (factor for factor in sweep.factors if factor.nuisance and factor.numeric):
        if best[factor.name] in factor.ends:
            yield (
                f"The best {factor.name} lies at the end of its range ({number(best[factor.name])}): beyond "
                "it, effects may differ."
            )
