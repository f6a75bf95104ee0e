"""What MLflow's UI shows beside the trials: views, descriptions, progress, numbers of the report."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from mlflow.entities import Metric

from study.ledger.records import Record
from study.tracking.page.links import run_link
from study.tracking.page.names import automatic_name, trial_name
from study.tracking.page.notes import (
    arm_note,
    experiment_note,
    may_describe,
    note_tags,
    study_note,
    trial_note,
)
from study.tracking.page.view import has_views, view_tags
from study.tracking.page.views import views_of
from study.tracking.rows import ended, progress_values
from study.tracking.store import server_version
from study.tracking.tracker import Tracker
from study.trial.scores import name_of

__all__ = ["Page"]

KIND, MODEL_TRAINING = "mlflow.experimentKind", "custom_model_development"
"""The tag and the value with which MLflow's UI counts an experiment as model training."""


class Page:
    """The page of the study of `tracker`. A name or a description that a user wrote stays."""

    def __init__(self, tracker: Tracker) -> None:
        self.tracker, self.runs, self.plan = tracker, tracker.runs, tracker.plan
        self._values: dict[str, dict[str, float]] = {}  # run id -> the newest values of its metrics

    def present(self, count: Callable[[], Mapping[str, Mapping[str, int]]]) -> None:
        """Give the experiment its kind, its description and its saved views.

        count: as for `Tracker.texts`, for the languages of the task; called only if they are not on record.
        """
        experiment = self.runs.client.get_experiment(self.runs.experiment)
        counted = json.loads(self.runs.tag(self.tracker.study_run, "kdstudy.texts.test") or "{}")
        views = views_of(self.plan, list(count()["test"] if "all" in counted or not counted else counted))
        tags = {KIND: MODEL_TRAINING}
        if may_describe(experiment.tags):
            tags |= note_tags(experiment_note(self.plan, self.runs.experiment, views))
        if has_views(server_version(self.runs.uri)):
            tags |= view_tags(views, experiment.creation_time or 0)
        for name, value in tags.items():
            if experiment.tags.get(name) != value:
                self.runs.client.set_experiment_tag(self.runs.experiment, name, value)

    def label(self, record: Record) -> None:
        """Give the run of a trial its name and its description, if an older version has made the run."""
        if run := self.runs.id_of(f"trial/{record.key}"):
            former, name = automatic_name(record.key, record.phase), trial_name(self.plan, record)
            self.runs.rename(run, former, name, trial_note(record, self.tracker.link_to_arm(record.arm)))
            self.runs.add_tags(run, self.tracker.source)

    def progress(self, found: Mapping[str, Any], time_ms: int) -> None:
        """Show how far study and arms are, and their best trials so far: metrics and descriptions.

        found: the study's summary (`study.ledger.progress.summary`).
        """
        study_run = self.tracker.study_run
        self.runs.describe(study_run, study_note(self.plan, found))
        self._log_progress(study_run, found, time_ms)
        for arm in found["arms"]:
            run, best = self.tracker.arm_runs[arm["arm"]], ""
            if arm["best"] and (trial := self.runs.id_of(f"trial/{arm['best']['key']}")):
                link = run_link(self.runs.experiment, trial)
                what = f"validation macro {name_of(self.plan.metric)}"
                best = f"[Best search trial]({link}): {what} {arm['best']['value']:.3f}."
            self.runs.describe(run, arm_note(arm["arm"], arm, best))
            self._log_progress(run, arm, time_ms)

    def publish(
        self, arms: Mapping[str, Mapping[str, float]], study: Mapping[str, float], time_ms: int
    ) -> None:
        """Show the numbers of the report: `arms` in the runs of arms, `study` in the run of the study.

        Their step is the number of trials that have ended.
        """
        of_runs = {self.tracker.arm_runs[arm]: values for arm, values in arms.items()}
        for run, values in (of_runs | {self.tracker.study_run: study}).items():
            self._log(run, values, time_ms, int(self._shown(run).get("progress/ended", 0)))

    def _log_progress(self, run: str, counts: Mapping[str, Any], time_ms: int) -> None:
        """Log how far a study or an arm is, once for each number of ended trials, which is the step."""
        if self._shown(run).get("progress/ended") != ended(counts):
            self._log(run, progress_values(counts, self.plan.metric), time_ms, ended(counts))

    def _log(self, run: str, values: Mapping[str, float], time_ms: int, step: int) -> None:
        """Log those of `values` that `run` does not show yet."""
        shown = self._shown(run)
        new = {name: value for name, value in values.items() if shown.get(name) != value}
        self.runs.log(run, [Metric(name, value, time_ms, step) for name, value in new.items()])
        shown |= new

    def _shown(self, run: str) -> dict[str, float]:
        """The newest value of each metric of `run`, read once: nobody else writes them."""
        if run not in self._values:
            self._values[run] = dict(self.runs.client.get_run(run).data.metrics)
        return self._values[run]
