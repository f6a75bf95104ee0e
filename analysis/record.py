"""A study's MLflow experiment as two tidy tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd
from mlflow import MlflowClient

from study.config import RequestError

__all__ = ["StudyRecord", "read_study"]

TRIAL_COLUMNS = ["key", "phase", "arm", "outcome", "status", "run"]
SCORE_COLUMNS = ["key", "phase", "arm", "seed", "split", "metric", "language", "value"]


@dataclass(frozen=True)
class StudyRecord:
    """trials: one row a run of phase search, confirm or teacher, with its params.

    scores: one row a (run, split, metric, language), last value; `macro` and `worst` are rows of their own.
    What was not measured has no row.
    """

    name: str
    question: str
    arms: tuple[str, ...]
    trials: pd.DataFrame
    scores: pd.DataFrame

    def scores_of(self, phase: str, split: str, metric: str) -> pd.DataFrame:
        s = self.scores
        return s[(s["phase"] == phase) & (s["split"] == split) & (s["metric"] == metric)]


def read_study(tracking_uri: str, name: str) -> StudyRecord:
    """Read the experiment `name`.

    Raises:
        RequestError: where there is none.
    """
    client = MlflowClient(tracking_uri=tracking_uri)
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        raise RequestError(f"{name}: no such experiment in MLflow; the study has recorded nothing yet")
    runs = list(_runs(client, experiment.experiment_id))
    by_phase: dict[str, list[Any]] = {}
    for run in runs:
        by_phase.setdefault(run.data.tags.get("kdstudy.phase", ""), []).append(run)
    study = by_phase.get("study", [])
    arm_runs = sorted(by_phase.get("arm", []), key=lambda run: run.info.run_name)
    rows = [run for phase in ("teacher", "search", "confirm") for run in by_phase.get(phase, [])]
    return StudyRecord(
        name=name,
        question=study[0].data.params.get("question", "") if study else "",
        arms=tuple(run.data.tags["kdstudy.arm"] for run in arm_runs),
        trials=pd.DataFrame([_trial(run) for run in rows], columns=_columns(rows)),
        scores=pd.DataFrame([row for run in rows for row in _scores(run)], columns=SCORE_COLUMNS),
    )


def _runs(client: MlflowClient, experiment: str) -> Iterator[Any]:
    token = None
    while True:
        page = client.search_runs(
            [experiment], order_by=["attributes.start_time"], max_results=1000, page_token=token
        )
        yield from page
        if not (token := page.token):
            return


def _columns(runs: list[Any]) -> list[str]:
    params = dict.fromkeys(name for run in runs for name in run.data.params)
    metrics = [m for m in ("loss", "seconds", "parameters") if any(m in r.data.metrics for r in runs)]
    return [*TRIAL_COLUMNS, *params, *metrics]


def _identity(run: Any) -> dict[str, Any]:
    tags = run.data.tags
    return {"key": tags.get("kdstudy.key"), "phase": tags["kdstudy.phase"], "arm": tags.get("kdstudy.arm")}


def _trial(run: Any) -> dict[str, Any]:
    return {
        **_identity(run),
        "outcome": run.data.tags.get("kdstudy.outcome"),
        "status": run.info.status,
        "run": run.info.run_id,
        **run.data.params,
        **{
            name: run.data.metrics[name]
            for name in ("loss", "seconds", "parameters")
            if name in run.data.metrics
        },
    }


def _scores(run: Any) -> Iterator[dict[str, Any]]:
    seed = run.data.params.get("seed")
    for name, value in sorted(run.data.metrics.items()):
        split, _, rest = name.partition("/")
        metric, _, language = rest.partition("/")
        if language:
            yield {
                **_identity(run),
                "seed": None if seed is None else int(seed),
                "split": split,
                "metric": metric,
                "language": language,
                "value": value,
            }
