"""MLflow's logged models of one study: found by tag, or made. A second call adds nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import LoggedModel, LoggedModelOutput, LoggedModelStatus, Metric
from mlflow.models import Model

from study.ledger.records import Record
from study.ledger.study import OpenStudy
from study.tracking.experiment import STUDY, find_experiment
from study.tracking.identity import IDENTITY
from study.trial.scores import HEADLINES

__all__ = ["ARM", "KEY", "LoggedModels"]

KEY, ARM = "kdstudy.key", "kdstudy.arm"
BEST = "kdstudy.best"
"""The tag of a model: `true`, or `false` if the arm has had a better student since."""
REFUSED = str.maketrans(dict.fromkeys("/:.%\"'", "_"))  # what MLflow refuses in the name of a model
SHOWN = tuple(f"validation/{metric}/{name}" for metric in HEADLINES for name in ("macro", "worst"))


class LoggedModels:
    """The models of `study` in MLflow, one for each trial that has been the best of its arm.

    Raises:
        MlflowException: from each method, if MLflow is away or refuses.
    """

    def __init__(self, study: OpenStudy) -> None:
        self.client = MlflowClient(study.urls["tracking_uri"])
        self.study_id = study.ledger.study_id
        found = find_experiment(self.client, study.name, self.study_id)
        self.experiment = None if found is None else str(found.experiment_id)

    def ready(self) -> dict[str, LoggedModel]:
        """Return the models that are complete, by the key of the trial."""
        return {k: m for k, m in self._there().items() if m.status == LoggedModelStatus.READY}

    def log(self, record: Record, folder: Path, about: Model) -> None:
        """Log the MLflow model in `folder`, which `about` describes, as the best student of its arm.

        MLflow's UI shows a model at its source run alone, so that is the arm's run. The trial's run has the
        model as its output, and gives the model its scores. A kill may have left the model without its files;
        then the files are added.
        """
        there = self._there()
        trial, arm = self._run(f"trial/{record.key}"), self._run(f"arm/{record.arm}")
        model = there.get(record.key) or self.client.create_logged_model(
            str(self.experiment),
            record.arm.translate(REFUSED),
            arm,
            {STUDY: self.study_id, KEY: record.key, ARM: record.arm, BEST: "true"},
            {name: str(value) for name, value in record.config.effective().items()},
        )
        about.model_id = about.model_uuid = model.model_id
        about.artifact_path, about.run_id = model.artifact_location, arm
        about.save(str(folder / "MLmodel"))
        self.client.log_model_artifacts(model.model_id, str(folder))
        for run in (trial, arm):
            self._link(run, model)
        self._log_scores(model, trial)
        self.client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
        self._mark(record, there)

    def _link(self, run: str, model: LoggedModel) -> None:
        """Make `model` an output of `run`; MLflow refuses an output that is there already."""
        outputs = self.client.get_run(run).outputs
        there = outputs.model_outputs if outputs else []
        if model.model_id not in {output.model_id for output in there}:
            self.client.log_outputs(run, [LoggedModelOutput(model.model_id, step=0)])

    def _log_scores(self, model: LoggedModel, trial: str) -> None:
        """Give `model` the scores of its trial's last report. The trial's run has these rows already."""
        if model.metrics:
            return
        rows = []
        for name in SHOWN:
            if history := self.client.get_metric_history(trial, name):
                last = max(history, key=lambda row: row.step)
                rows.append(
                    Metric(name, last.value, last.timestamp, last.step, model_id=model.model_id, run_id=trial)
                )
        self.client.log_batch(trial, metrics=rows)

    def _mark(self, record: Record, there: Mapping[str, LoggedModel]) -> None:
        """Mark the models of trials that were the best of the arm before `record`."""
        for key, model in there.items():
            best = str(key == record.key).lower()
            if model.tags.get(ARM) == record.arm and model.tags.get(BEST) != best:
                self.client.set_logged_model_tags(model.model_id, {BEST: best})

    def _there(self) -> dict[str, LoggedModel]:
        """The models of the study by key, complete or not; of two models of one key the older one."""
        found: dict[str, LoggedModel] = {}
        for model in self._search() if self.experiment is not None else ():
            if model.tags.get(STUDY) == self.study_id and KEY in model.tags:
                found[model.tags[KEY]] = model
        return found

    def _search(self) -> Iterator[LoggedModel]:
        """The models of the experiment, the newest first."""
        token = None
        while True:
            page = self.client.search_logged_models([str(self.experiment)], page_token=token)
            yield from page
            if not (token := page.token):
                return

    def _run(self, identity: str) -> str:
        """The id of the run `identity`."""
        query = f"tags.`{IDENTITY}` = '{identity}' AND tags.`{STUDY}` = '{self.study_id}'"
        (run,) = self.client.search_runs([str(self.experiment)], query, max_results=1)
        return str(run.info.run_id)
