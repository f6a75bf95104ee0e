"""MLflow's client over dictionaries: what the tracker and the reader ask of it, in no time and on no disk."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mlflow.entities import Experiment, ExperimentTag, Metric, Param, Run, RunData, RunInfo, RunTag
from mlflow.store.entities import PagedList

__all__ = ["InMemory"]


class InMemory:
    """Queries are not parsed: all active runs of the experiment are found."""

    def __init__(self) -> None:
        self.experiments: dict[str, Experiment] = {}
        self.stored: dict[str, dict[str, Any]] = {}
        self.clock = itertools.count(1_700_000_000_000)

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        return self.experiments.get(name)

    def create_experiment(self, name: str, artifact_location: str | None, tags: dict[str, str]) -> str:
        number = str(len(self.experiments))
        of_it = [ExperimentTag(key, value) for key, value in tags.items()]
        self.experiments[name] = Experiment(number, name, artifact_location or "", "active", of_it)
        return number

    def search_experiments(self, filter_string: str = "", **more: Any) -> list[Experiment]:
        """Of the query, only the value is read: one of the experiment's tags must have it."""
        if not filter_string:
            return list(self.experiments.values())
        value = filter_string.partition(" = '")[2].removesuffix("'")
        return [each for each in self.experiments.values() if value in each.tags.values()]

    def set_experiment_tag(self, experiment: str, key: str, value: str) -> None:
        """The tags of an experiment are not read."""

    def create_run(
        self,
        experiment: str,
        start_time: int | None = None,
        tags: dict[str, str] | None = None,
        run_name: str = "",
    ) -> Run:
        run = f"{len(self.stored):032x}"
        self.stored[run] = {
            "about": {
                "experiment_id": experiment,
                "run_name": run_name,
                "start_time": start_time or next(self.clock),
            },
            "status": "RUNNING",
            "stage": "active",
            "tags": dict(tags or {}),
            "params": {},
            "artifacts": {},
            "metrics": {},
        }
        return self._run(run)

    def search_runs(self, experiments: Sequence[str], *query: Any, **more: Any) -> PagedList[Run]:
        wanted = [
            run
            for run, stored in self.stored.items()
            if stored["about"]["experiment_id"] in experiments and stored["stage"] == "active"
        ]
        return PagedList([self._run(run) for run in wanted], None)

    def log_batch(
        self,
        run: str,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
    ) -> None:
        stored = self.stored[run]
        stored["params"] |= {param.key: param.value for param in params}
        stored["tags"] |= {tag.key: tag.value for tag in tags}
        for metric in metrics:
            history = stored["metrics"].setdefault(metric.key, [])
            if dict(metric) not in map(dict, history):
                history.append(metric)

    def log_text(self, run: str, text: str, name: str) -> None:
        self.stored[run]["artifacts"][name] = text

    def download_artifacts(self, run: str, name: str, folder: str) -> str:
        path = Path(folder) / name
        path.write_text(self.stored[run]["artifacts"][name])
        return str(path)

    def log_metric(self, run: str, name: str, value: float, step: int = 0) -> None:
        self.log_batch(run, [Metric(name, value, next(self.clock), step)])

    def log_param(self, run: str, name: str, value: str) -> None:
        self.log_batch(run, params=[Param(name, value)])

    def get_metric_history(self, run: str, name: str) -> list[Metric]:
        return list(self.stored[run]["metrics"][name])

    def set_terminated(self, run: str, status: str, end_time: int | None = None) -> None:
        self.stored[run]["status"] = status

    def update_run(self, run: str, status: str) -> None:
        self.stored[run]["status"] = status

    def delete_run(self, run: str) -> None:
        self.stored[run]["stage"] = "deleted"

    def _run(self, run: str) -> Run:
        stored = self.stored[run]
        info = RunInfo(
            run_id=run,
            user_id="",
            status=stored["status"],
            end_time=None,
            lifecycle_stage=stored["stage"],
            **stored["about"],
        )
        last = [max(history, key=_age) for history in stored["metrics"].values()]
        params = [Param(name, value) for name, value in stored["params"].items()]
        return Run(
            info, RunData(last, params, [RunTag(name, value) for name, value in stored["tags"].items()])
        )


def _age(metric: Metric) -> tuple[int, int, float]:
    return metric.step, metric.timestamp, -math.inf if math.isnan(metric.value) else metric.value
