"""What MLflow is told: journal lines, results and scores as metrics, a study's plan as params."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlflow.entities import Metric

from study.planning.plan import Plan
from study.space import NOT_SEARCHED

__all__ = ["numerics_text", "report_rows", "result_rows", "score_rows", "study_params"]


def report_rows(line: Mapping[str, Any]) -> list[Metric]:
    """One journal line as metrics: validation scores and the loss."""
    metrics = dict(score_rows("validation", line["validation"]))
    if line["loss"] is not None:
        metrics["loss"] = line["loss"]
    return [Metric(name, value, line["time_ms"], line["step"]) for name, value in metrics.items()]


def result_rows(line: Mapping[str, Any], result: Mapping[str, Any]) -> list[Metric]:
    """A trial's result as metrics, at the time of `line`, its last: test scores, seconds, parameters."""
    metrics = dict(score_rows("test", result["test"]))
    metrics |= {"seconds": result["seconds"], "parameters": float(result["parameters"])}
    return [Metric(name, value, line["time_ms"], result["steps"]) for name, value in metrics.items()]


def score_rows(split: str, scores: Mapping[str, Any] | None) -> Iterator[tuple[str, float]]:
    """Flat metrics `split/metric/language`, `split/metric/macro` and `split/metric/worst`."""
    for metric in ("accuracy", "macro_f1", "retention"):
        values = (scores or {}).get(metric)
        if values:
            for name, value in [
                *values["by_language"].items(),
                *((k, values[k]) for k in ("macro", "worst")),
            ]:
                if value is not None:
                    yield f"{split}/{metric}/{name}", value


def numerics_text(result: Mapping[str, Any]) -> str:
    """What decided a result's last bits, `name=value ...`; of its teacher's too where they differ."""
    named = dict(result["numerics"])
    for what, fields in result["other_numerics_of_teacher"].items():
        named |= {f"teacher_{what}_{field}": theirs for field, (theirs, _) in fields.items()}
    return " ".join(f"{name}={value}" for name, value in named.items())


def study_params(plan: Plan) -> dict[str, Any]:
    """What was asked, and every hyperparameter's role. No budgets: they may grow, and params cannot change.

    The request's names of task and model are `task_source` and so on, since the params of these names are
    fingerprints, as in every trial. Defaults that the model decides, such as the learning rate, are no facts
    of the study: where they were held they stand among `fixed`.
    """
    space = plan.space
    params: dict[str, Any] = {"question": space.question}
    for name, value in plan.request.items():
        params[f"{name}_source" if name in plan.constants else name] = value
    params |= {name: value for name, value in plan.constants.items() if name in NOT_SEARCHED}
    params |= {"sampler": space.sampler, "pruner": space.pruner, "reports": space.reports}
    roles: dict[str, Mapping[str, Any]] = {
        "scientific": space.scientific,
        "nuisance": space.nuisance,
        "fixed": plan.held(),
    }
    for role, named in roles.items():
        params |= {f"{role}.{name}": domain for name, domain in named.items()}
    return {key: str(value)[:6000] for key, value in params.items()}
