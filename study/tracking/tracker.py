"""MLflow: one experiment for each study; runs nested study > arm > trial. This room is MLflow's only writer.

Runs are found by tag or made (`runs.py`), and reports are replayed by (step, time). So everything here may be
repeated after a kill, without a second run and without a second row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cached_property
from typing import Any

from mlflow.entities import DatasetInput, Metric
from mlflow.exceptions import MlflowException

from study.ledger.records import Record, State
from study.ledger.study import OpenStudy
from study.planning.plan import Plan
from study.planning.registration import REGISTERED
from study.planning.request_file import first_command
from study.planning.versions import code_commit, code_version, library_versions
from study.tracking.database import move_artifacts, wait_until_free
from study.tracking.grouped import together
from study.tracking.identity import PARENT
from study.tracking.journal import newest_report
from study.tracking.lineage import code_tags, machine_tags, source_tags, usage_rows
from study.tracking.page.links import run_link
from study.tracking.page.names import automatic_name, teacher_name, trial_name
from study.tracking.page.notes import note_tags, teacher_note, trial_note
from study.tracking.rows import (
    LATENCY_ON,
    LONGEST_TAG,
    numerics_text,
    report_rows,
    result_rows,
    score_rows,
    study_params,
    texts_tags,
)
from study.tracking.runs import Runs
from study.tracking.store import make_database
from study.trial.progress import Progress

__all__ = ["Tracker"]

STATUS = {
    State.RUNNING: "RUNNING",
    State.SCHEDULED: "SCHEDULED",
    State.COMPLETE: "FINISHED",
    State.DIVERGED: "FINISHED",
    State.PRUNED: "KILLED",
    State.FAILED: "FAILED",
}
"""A trial's state -> MLflow's status of the trial's run."""
CHANGED = ("RESOURCE_DOES_NOT_EXIST", "INVALID_STATE", "INVALID_PARAMETER_VALUE")
"""How MLflow refuses a write to a run or an experiment that was deleted, or is gone."""


class Tracker:
    """The study `plan.name`, whose id the ledger drew, in the MLflow store at `uri`.

    goes_on: the study has begun in this store before, so a server may be away now.

    Raises:
        RequestError: if an experiment of this name belongs to another study, or MLflow refuses the store.
    """

    def __init__(
        self, uri: str, artifact_location: str | None, plan: Plan, study_id: str, goes_on: bool = False
    ) -> None:
        self.plan = plan
        self.runs = Runs(uri, artifact_location, plan.name, study_id, goes_on)
        self._logged: dict[str, int] = {}  # run id -> reports that this process has logged
        self.about: dict[str, str] = {}
        """More tags of the study's run. A tag that the run has already stays as it is."""
        self.source: dict[str, str] = {}
        """The tags that name the command that began the study, of each run (`source_tags`)."""
        self.registration: dict[str, str] = {}
        """The tags that register the study, if its first trial is still to come (`registration_tags`)."""
        self.changed = False
        """Whether somebody has deleted the experiment or a run in MLflow since this process has begun."""

    @classmethod
    def of(cls, study: OpenStudy, goes_on: bool = False) -> Tracker:
        """Return the tracker of `study`. MLflow's database is made if it is missing from the home.

        Raises:
            RequestError: if an experiment of this name belongs to another study, or MLflow refuses the store.
        """
        home = study.home
        with home.opening():
            if study.keeps_record_at_home:
                wait_until_free(home.database)
                make_database(home.database)
                move_artifacts(home.database, (home.root / "mlartifacts").as_uri())
            uri, location = study.urls["tracking_uri"], home.artifact_location(study.urls)
            tracker = cls(uri, location, study.ledger.require_plan(), study.ledger.study_id, goes_on)
        tracker.source = source_tags(first_command(study.folder))
        return tracker

    @cached_property
    def study_run(self) -> str:
        """The study's own run, on top of all others. The first use reads all runs of the study."""
        versions = " ".join(f"{name}={version}" for name, version in library_versions().items() if version)
        tags = {"kdstudy.phase": "study", "kdstudy.git": code_version(), "kdstudy.versions": versions}
        tags |= self.about | self._born()
        return self.runs.get("study", tags, self.plan.name, params=study_params(self.plan))

    @cached_property
    def arm_runs(self) -> dict[str, str]:
        """Each arm's own run, within the study's."""
        arms = self.plan.arms()
        born = self._born()
        digits = max(2, len(str(len(arms))))  # the order of the names is the order of the arms
        return {
            arm.name: self.runs.get(
                f"arm/{arm.name}",
                {"kdstudy.phase": "arm", "kdstudy.arm": arm.name, "kdstudy.number": str(number)} | born,
                f"{number:0{digits}d} {arm.name}",
                self.study_run,
                dict(arm.values),
            )
            for number, arm in enumerate(arms, 1)
        }

    def _born(self) -> dict[str, str]:
        """The tags of a new run that no trial makes: the command and the code."""
        return self.source | code_tags(code_commit())

    def texts(self, count: Callable[[], Mapping[str, Mapping[str, int]]]) -> None:
        """Write how many texts the task has, as `count` returns them, unless MLflow has this already."""
        if self.runs.tag(self.study_run, "kdstudy.texts.test") is None:
            self.runs.set_tags(self.study_run, texts_tags(count()))

    def begin(self) -> None:
        """Open the study's run and the arms' runs, if they are not open, because trials are about to run.

        The study is registered if it has no registration yet.
        """
        if self.registration and self.runs.tag(self.study_run, REGISTERED) is None:
            self.runs.set_tags(self.study_run, self.registration)
        self.runs.set_tags(self.study_run, {"kdstudy.margin": repr(self.plan.margin)})
        for run in (self.study_run, *self.arm_runs.values()):
            self.runs.set_status(run, "RUNNING")

    def pause(self) -> None:
        """Bring the arms' runs and the study's run to SCHEDULED, because the study was interrupted."""
        for run in (*self.arm_runs.values(), self.study_run):
            self.runs.set_status(run, "SCHEDULED")

    def finish(self, trials: int | None = None) -> None:
        """Close the arms' runs and the study's run, unless they are closed.

        trials: how many trials of the study have ended, so that a reader sees if MLflow lacks some of them.
        """
        if trials is not None:
            self.runs.set_tags(self.study_run, {"kdstudy.trials": str(trials)})
        for run in (*self.arm_runs.values(), self.study_run):
            self.runs.set_status(run, "FINISHED")

    def lacks(self, record: Record) -> bool:
        """Return whether MLflow lacks something of the ended trial `record`.

        The run may be gone, open or deleted, in another arm's run, or without its params, tags or result.
        """
        assert record.outcome is not None
        tags = self._tags(record)
        tags |= {"kdstudy.outcome": str(record.outcome), PARENT: self.arm_runs[record.arm]}
        measured = record.outcome in (State.COMPLETE, State.DIVERGED)
        return not self.runs.has(f"trial/{record.key}", STATUS[record.outcome], tags, measured)

    def link_to_arm(self, arm: str) -> str:
        """Return the link to the run of an arm."""
        return run_link(self.runs.experiment, self.arm_runs[arm])

    def _tags(self, record: Record) -> dict[str, str]:
        """Return the tags of a trial's run that never change.

        A study with one tuning has no tag for it. A confirm run has the rule that selected its values, the
        fit, and the key of the best tried trial.
        """
        tags = {"kdstudy.phase": record.phase, "kdstudy.key": record.key, "kdstudy.arm": record.arm}
        if self.plan.tunings > 1:
            tags["kdstudy.tuning"] = str(record.tuning)
        if record.choice is not None:
            rule, fit, tried = record.choice
            tags |= {"kdstudy.selected": rule, "kdstudy.fit": fit, "kdstudy.tried": tried}
        return tags

    def mending(self, job: Callable[[], None]) -> None:
        """Do `job`; if MLflow refuses it because a run or the experiment is gone, forget what was there.

        The outbox tries the job again: then what was deleted is restored, and what is gone is made.

        Raises:
            MlflowException: what the job raised.
        """
        try:
            job()
        except MlflowException as error:
            if error.error_code in CHANGED:
                self.changed = True
                self._forget()
            raise

    def together(self) -> AbstractContextManager[None] | None:
        """Return a block whose writes become one transaction; None if MLflow's store is a server.

        If the block raises, nothing of it is stored, and what was there is read again.
        """
        return None if (block := together(self.runs.client)) is None else self._whole(block)

    @contextmanager
    def _whole(self, block: AbstractContextManager[None]) -> Iterator[None]:
        try:
            with block:
                yield
        except BaseException:
            self._forget()
            raise

    def _forget(self) -> None:
        """Read everything again at the next use."""
        self.runs.forget()
        self._logged.clear()
        for name in ("study_run", "arm_runs"):
            self.__dict__.pop(name, None)

    def replay(
        self,
        record: Record,
        reports: Sequence[Progress],
        state: State,
        files: Mapping[str, str] | None = None,
        seen: Mapping[int, Mapping[str, Any]] | None = None,
    ) -> None:
        """Log all `reports` of a trial and its `files` (name: text), and bring the trial's run to `state`.

        seen: what was seen of the machine, for each report by its number.

        What this process or another one has logged before stays as it is; a file of the same name is
        replaced. The run is closed last, so a run that is closed has its files.
        """
        number = {"kdstudy.number": str(record.number)}
        name = trial_name(self.plan, record)
        note = note_tags(trial_note(record, self.link_to_arm(record.arm)))
        run = self.runs.get(
            f"trial/{record.key}",
            self._tags(record) | number | self.source | note,
            name,
            self.arm_runs[record.arm],
            start_time=reports[0].time_ms if reports else None,  # if MLflow was away when the trial began
        )
        self.runs.rename(run, automatic_name(record.key, record.phase), name)
        count = len(reports)  # the driver may add reports meanwhile
        machines, new = dict(seen or {}), reports[self._logged.get(run, 0) : count]
        rows = [row for report in new for row in report_rows(report)]
        rows += [row for report in new for row in usage_rows(report, machines.get(report.report))]
        last = newest_report(reports[:count])
        result = last.result if last is not None and state.ended else None
        if last is not None and result is not None:
            rows += result_rows(last, result)
        rows = self.runs.as_first_reported(run, rows)
        # The number is written again with the outcome: if a trial was tried again, its last number counts.
        tags = {"kdstudy.outcome": str(state)} | number if state.ended else {}
        if text := (files or {}).get("traceback.txt"):
            tags["kdstudy.why"] = text.strip().rpartition("\n")[2][:LONGEST_TAG]
        if result is not None:
            tags["kdstudy.numerics"] = numerics_text(result)
            if latency := result.get("latency"):
                tags[LATENCY_ON] = latency["device"]
            if result["other_numerics_before"]:
                tags["kdstudy.other_numerics_before"] = str(result["other_numerics_before"])
        tags |= {k: v for k, v in machine_tags(machines).items() if self.runs.tag(run, k) != v}
        params = self.plan.shown(record.config) if self.runs.lacks_params(run) else {}
        self.runs.log(run, rows, params, tags)
        self._logged[run] = count
        for name, text in (files or {}).items():
            # A server may name a folder of its own machine; the trial's folder has the files too.
            with suppress(PermissionError, FileNotFoundError, NotADirectoryError):
                self.runs.client.log_text(run, text, name)
        self.runs.set_status(run, STATUS[state])

    def read_by(self, identity: str, inputs: Callable[[], list[DatasetInput]]) -> None:
        """Log the data sets that the run `identity` reads, if there is such a run and it has none yet."""
        if (run := self.runs.id_of(identity)) is not None:
            self.runs.add_inputs(run, inputs)

    def teacher(self, key: str, recipe: Mapping[str, Any], scores: Mapping[str, Any]) -> None:
        """Log the teacher `key`: a run of phase `teacher`, with its scores per language on validation."""
        flat = self.plan.shown_recipe(recipe)
        if isinstance(flat.get("data"), dict):  # the teacher saw a share of the data
            flat |= {f"data.{name}": value for name, value in flat.pop("data").items()}
        note = note_tags(teacher_note(self.plan, recipe, scores))
        tags = {"kdstudy.phase": "teacher", "kdstudy.key": key} | note | self._born()
        name = teacher_name(self.plan, recipe)
        run = self.runs.get(f"teacher/{key}", tags, name, self.study_run, flat)
        self.runs.rename(run, automatic_name(key, "teacher"), name)
        metrics = dict(score_rows("validation", scores)) | {"parameters": float(scores["parameters"])}
        self.runs.log(run, [Metric(name, value, scores["time_ms"], 0) for name, value in metrics.items()])
        self.runs.client.set_terminated(run, "FINISHED", end_time=scores["time_ms"])
