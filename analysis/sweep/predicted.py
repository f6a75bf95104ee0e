"""What a sweep predicts at one setting that a user names, in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.record.domain import Value, parse_value
from analysis.record.formats import number, points
from analysis.sweep.curves import predict
from analysis.sweep.factors import Factor
from analysis.sweep.swept import MACRO, Sweep

__all__ = ["predicted_text"]


def predicted_text(sweep: Sweep | None, settings: Sequence[str]) -> str:
    """The prediction at `settings`, each `key=value` or several of them with commas between.

    Raises:
        ValueError: if the study varies nothing, there are too few trials, or a value is not among those that
            were varied: nothing is predicted outside.
    """
    if sweep is None:
        raise ValueError("the study varies no hyperparameter, so it has no predictions")
    if sweep.model is None:
        raise ValueError(f"there are {len(sweep.trials)} trials with a score; {sweep.fewest} are needed")
    given: dict[str, Value] = {}
    for part in (part for text in settings for part in text.split(",")):
        name, equals, text = part.partition("=")
        factor = next((factor for factor in sweep.factors if factor.name == name.strip()), None)
        if factor is None or not equals:
            names = ", ".join(factor.name for factor in sweep.factors)
            raise ValueError(f"{part}: must be key=value with one of {names}")
        given[factor.name] = _inside(factor, parse_value(text.strip()))
    found = predict(sweep.population, MACRO, given)
    shown = ", ".join(f"{name} {number(value)}" for name, value in given.items())
    rest = [f.name for f in sweep.factors if f.name not in given and not f.nuisance]
    over = f", averaged over {', '.join(rest)}" if rest else ""
    best = sweep.population.best(given)
    tuned = [f"{name} {number(value)}" for name, value in best.items() if name not in given]
    return (
        f"predicted at {shown}{over}{', at the best ' * bool(tuned)}{', '.join(tuned)}: macro validation "
        f"accuracy {points(found['mean'])} (95% interval {points(found['low'])} to {points(found['high'])}; "
        f"one new run {points(found['run_low'])} to {points(found['run_high'])})"
    )


def _inside(factor: Factor, value: Value) -> Value:
    """`value`, if it is among the values that were varied."""
    if not factor.levels:
        if isinstance(value, str) or not factor.low <= value <= factor.high:
            raise ValueError(
                f"{factor.name}: {value} is outside {number(factor.low)} to {number(factor.high)}, and "
                "nothing is predicted there"
            )
        return float(value)
    if factor.numeric and not isinstance(value, str):
        low, high = (float(end) for end in factor.ends)
        if low <= value <= high:
            return value
    if value in factor.levels:
        return factor.levels[factor.levels.index(value)]
    raise ValueError(f"{factor.name}: {value} is none of {', '.join(map(str, factor.levels))}")
