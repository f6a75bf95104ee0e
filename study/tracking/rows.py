"""What MLflow receives: reports, results and scores as metrics, a study's plan as params."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from mlflow.entities import Metric

from study.config import SUMMARIES
from study.errors import masked
from study.planning.costs import costs_of
from study.planning.plan import Plan
from study.selection import INTERPOLATED
from study.space import NOT_SEARCHED
from study.trial.progress import Progress
from study.trial.scores import METRICS

__all__ = [
    *(
        "LATENCY_ON",
        "LONGEST_TAG",
        "best_of",
        "ended",
        "numerics_text",
        "progress_values",
        "report_rows",
        "result_rows",
    ),
    *("score_rows", "study_params", "texts_tags"),
]


def best_of(metric: str) -> str:
    """The name, in MLflow, of the score of the best search trial so far: in the runs of arms and study."""
    return f"best/validation/{metric}"


LATENCY_ON = "kdstudy.latency_on"
"""The tag that names the device on which the latency of a trial's student was measured."""

LONGEST_TAG = 5000
"""Characters of a tag that every version and every store of MLflow takes."""


def report_rows(report: Progress) -> list[Metric]:
    """Return one report as metrics: validation scores and the loss."""
    metrics = dict(score_rows("validation", report.validation))
    if report.loss is not None:
        metrics["loss"] = report.loss
    return [Metric(name, value, report.time_ms, report.step) for name, value in metrics.items()]


def result_rows(last: Progress, result: Mapping[str, Any]) -> list[Metric]:
    """Return a trial's result as metrics at the time of its last report.

    These are test scores, the number of test texts of each language (`test/texts/LANGUAGE`), seconds and
    parameters; and, if the student saw a fraction of the training data or not all languages, the share of the
    rows of its languages that it saw: `data_share`, and `data_share/LANGUAGE`, 0 in unseen languages; and
    what the student costs (`study/planning/costs.py`).
    """
    metrics = dict(score_rows("test", result["test"]))
    metrics |= {
        f"test/texts/{language}": float(n) for language, n in (result["test"] or {}).get("n", {}).items()
    }
    metrics |= {"seconds": result["seconds"]} | costs_of(result)
    if share := result.get("data_share"):
        metrics |= {"data_share": share["all"]}
        metrics |= {f"data_share/{language}": value for language, value in share["by_language"].items()}
    return [Metric(name, value, last.time_ms, result["steps"]) for name, value in metrics.items()]


def score_rows(split: str, scores: Mapping[str, Any] | None) -> Iterator[tuple[str, float]]:
    """Yield (name, value) of `split/metric/NAME`, of each language and each of `study.config.SUMMARIES`.

    A value that was not measured is left out.
    """
    for metric in METRICS:
        values = (scores or {}).get(metric)
        if values:
            for name, value in [
                *values["by_language"].items(),
                *((k, values[k]) for k in SUMMARIES if k in values),
            ]:
                if value is not None:
                    yield f"{split}/{metric}/{name}", value


def progress_values(counts: Mapping[str, Any], metric: str = "accuracy") -> dict[str, float]:
    """Return how far a study or an arm is: trials planned, ended, failed, and the best so far.

    metric: what the trials of the study are compared by.
    """
    values = {"planned": counts["planned"], "ended": ended(counts), "failed": counts["failed"]}
    found = {f"progress/{name}": float(value) for name, value in values.items()}
    return found | ({best_of(metric): counts["best"]["value"]} if counts["best"] else {})


def ended(counts: Mapping[str, Any]) -> int:
    """Return how many trials have ended, however they did."""
    return sum(counts[name] for name in ("complete", "pruned", "diverged", "failed"))


def numerics_text(result: Mapping[str, Any]) -> str:
    """Return what decided the last bits of a result, as `name=value ...`.

    If the teacher was computed with other numerics, the teacher's values follow, as `teacher_...=value`.
    """
    named = dict(result["numerics"])
    for what, fields in result["other_numerics_of_teacher"].items():
        named |= {f"teacher_{what}_{field}": theirs for field, (theirs, _) in fields.items()}
    return " ".join(f"{name}={value}" for name, value in named.items())


def texts_tags(counts: Mapping[str, Mapping[str, int]]) -> dict[str, str]:
    """Return how many texts the task has, as tags of the study's run: for each split `{"LANGUAGE":N,...}`.

    If this is too long for a tag, because there are many hundred languages, the tag has their sum alone.
    """
    tags = {}
    for split, of_split in counts.items():
        text = json.dumps(of_split, ensure_ascii=False, separators=(",", ":"))
        tags[f"kdstudy.texts.{split}"] = (
            text if len(text) <= LONGEST_TAG else f'{{"all":{sum(of_split.values())}}}'
        )
    return tags


def study_params(plan: Plan) -> dict[str, Any]:
    """Return what was requested, and every hyperparameter's role, as params of the study's run.

    Budgets are left out: they may grow, and params cannot change. The request's names of task and model
    become `task_source` and so on, because the params `task` and `model` are fingerprints, as in every trial.
    Some defaults depend on the model, such as the default learning rate. Such a default is a param of the
    study only if the study holds the hyperparameter fixed: then the value stands among `fixed`.
    """
    space = plan.space
    params: dict[str, Any] = {"question": space.question}
    for name, value in plan.request.items():
        params[f"{name}_source" if name in plan.constants else name] = value
    params |= {name: value for name, value in plan.constants.items() if name in NOT_SEARCHED}
    params |= {"sampler": space.sampler, "pruner": space.pruner, "reports": space.reports}
    if plan.metric != "accuracy":  # a study of an older version has no such param
        params["metric"] = plan.metric
    if space.costs:  # likewise a study with one objective
        params["costs"] = ", ".join(space.costs)
    if space.enqueued:
        params["enqueued"] = len(space.enqueued)
    if (
        plan.selection == INTERPOLATED or space.costs
    ):  # a study that began before there was a choice has no params of it
        params |= {"selection": plan.selection, "seed_block": plan.seed_block, "select_on": plan.select_on}
    roles: dict[str, Mapping[str, Any]] = {
        "scientific": space.scientific,
        "nuisance": space.nuisance,
        "varied": space.varied,
        "fixed": plan.held(),
    }
    for role, named in roles.items():
        params |= {f"{role}.{name}": domain for name, domain in named.items()}
    return {key: masked(str(value))[:6000] for key, value in params.items()}
