"""MLflow: one experiment per study; runs nested study > arm > trial; this file is its only writer.

Everything is get-or-create by tag and replay by (step, time), so any of it may be repeated after a kill
without a second run or a second row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException

from study.errors import RequestError
from study.ledger.records import Record
from study.planning.plan import Plan
from study.planning.versions import code_version
from study.tracking.journal import last_report
from study.tracking.rows import (
    numerics_text,
    report_rows,
    result_rows,
    score_rows,
    study_params,
)
from study.tracking.store import check_ours, first_line, is_server

__all__ = ["Tracker"]

OLDEST_FIRST = ["attributes.start_time ASC"]
BATCH = 800  # metrics in one log_batch, which takes 1,000 in all with 100 params and 100 tags
STATUS = {"complete": "FINISHED", "diverged": "FINISHED", "pruned": "KILLED", "failed": "FAILED"}


class Tracker:
    """The study `plan.name`, whose id the ledger drew, in the MLflow store at `uri`.

    goes_on: the study has been begun there; the server may then be away for now.

    Raises:
        RequestError: where an experiment of this name belongs to another study, or MLflow refuses the store.
    """

    def __init__(
        self, uri: str, artifact_location: str | None, plan: Plan, study_id: str, goes_on: bool = False
    ) -> None:
        self.plan, self.study_id, self.artifact_location = plan, study_id, artifact_location
        self._runs: dict[str, str] = {}  # identity -> run id
        self._status: dict[str, str] = {}
        self._logged: dict[str, int] = {}  # journal lines that this process has logged
        self._times: dict[str, dict[int, int]] = {}  # of runs found: step -> when it was reported
        self._without_params: set[str] = set()
        self._uncertain = True  # whether there are runs that this object has not seen
        try:
            self.client = MlflowClient(tracking_uri=uri)
            _ = self.experiment
        except RequestError:
            raise
        except Exception as error:  # every kind of store raises its own
            if not (goes_on and is_server(uri)):
                raise RequestError(f"--tracking-uri {uri}: {first_line(error)}") from None

    @cached_property
    def study_run(self) -> str:
        """The study's own run, on top of all others. The first use reads all runs of the study."""
        tags = {"kdstudy.phase": "study", "kdstudy.git": code_version()}
        return self._run("study", tags, self.plan.name, None, study_params(self.plan))

    @cached_property
    def arm_runs(self) -> dict[str, str]:
        """Each arm's own run, within the study's."""
        arms = self.plan.arms()
        digits = max(2, len(str(len(arms))))  # the order of the names is the order of the arms
        return {
            arm.name: self._run(
                f"arm/{arm.name}",
                {"kdstudy.phase": "arm", "kdstudy.arm": arm.name},
                f"{number:0{digits}d} {arm.name}",
                self.study_run,
                dict(arm.values),
            )
            for number, arm in enumerate(arms, 1)
        }

    def begin(self) -> None:
        """There are trials to run: open the study's run and the arms' again, where they were closed."""
        for run in (self.study_run, *self.arm_runs.values()):
            self._set_status(run, "RUNNING")

    def replay(
        self, record: Record, lines: Sequence[dict[str, Any]], state: str, traceback: str | None = None
    ) -> None:
        """Bring a trial's run to all journal `lines` and to `state`: RUNNING, SCHEDULED or an outcome.

        Whatever of it is there already, from this process or another, stays as it is.
        """
        number = {"kdstudy.number": str(record.number)}
        tags = {"kdstudy.phase": record.phase, "kdstudy.key": record.key, "kdstudy.arm": record.arm}
        run = self._run(
            f"trial/{record.key}",
            tags | number,
            record.key[:8],
            self.arm_runs[record.arm],
            start_time=lines[0]["time_ms"] if lines else None,  # MLflow was away when it began
        )
        count = len(lines)  # the driver may add lines meanwhile
        rows = [row for line in lines[self._logged.get(run, 0) : count] for row in report_rows(line)]
        last = last_report(lines[:count])
        result = last["result"] if last is not None and state in STATUS else None
        if last is not None and result is not None:
            rows += result_rows(last, result)
        rows = self._as_first_reported(run, rows)
        # with the outcome once more: of a trial that was tried again the last number counts, as in the ledger
        tags = {"kdstudy.outcome": state} | number if state in STATUS else {}
        if result is not None:
            tags["kdstudy.numerics"] = numerics_text(result)
            if result["other_numerics_before"]:
                tags["kdstudy.other_numerics_before"] = str(result["other_numerics_before"])
        params = record.trial_config().effective() if run in self._without_params else {}
        self._log(run, rows, params, tags)
        self._logged[run] = count
        if state not in STATUS:
            self._set_status(run, state)
            return
        if traceback is not None:
            self.client.log_text(run, traceback, "traceback.txt")
        self._set_status(run, STATUS[state])

    def has_ended(self, key: str) -> bool:
        """Whether the run of the trial `key` is there and closed."""
        self._look()
        return self._status.get(self._runs.get(f"trial/{key}", "")) in STATUS.values()

    def _as_first_reported(self, run: str, rows: list[Metric]) -> list[Metric]:
        """`rows` with the times at which MLflow has their steps.

        Where a journal was lost with its home, a step that is reported again has another time, and would be
        a second row. The values are the same: a trial is a function of its configuration.
        """
        if run not in self._times:  # found, not made by this process
            names = ("validation/accuracy/macro", "loss")
            there = (row for name in names for row in self.client.get_metric_history(run, name))
            self._times[run] = {row.step: row.timestamp for row in there}
        times = self._times[run]
        return [Metric(r.key, r.value, times.get(r.step, r.timestamp), r.step) for r in rows]

    def teacher(self, key: str, recipe: Mapping[str, Any], scores: Mapping[str, Any]) -> None:
        """The teacher's run of phase `teacher`, with its scores per language on validation."""
        flat = dict(recipe)
        if isinstance(flat.get("data"), dict):  # it saw a share of them
            flat |= {f"data.{name}": value for name, value in flat.pop("data").items()}
        tags = {"kdstudy.phase": "teacher", "kdstudy.key": key}
        run = self._run(f"teacher/{key}", tags, f"teacher {key[:8]}", self.study_run, flat)
        metrics = dict(score_rows("validation", scores)) | {"parameters": float(scores["parameters"])}
        self._log(run, [Metric(name, value, scores["time_ms"], 0) for name, value in metrics.items()])
        self.client.set_terminated(run, "FINISHED", end_time=scores["time_ms"])

    def finish(self) -> None:
        """Close the arms' runs and the study's, unless they are closed."""
        for run in (*self.arm_runs.values(), self.study_run):
            self._set_status(run, "FINISHED")

    def pause(self) -> None:
        """The study was interrupted: its run and the arms' are scheduled to go on."""
        for run in (*self.arm_runs.values(), self.study_run):
            self._set_status(run, "SCHEDULED")

    @cached_property
    def experiment(self) -> str:
        """The study's experiment, made if it is not there."""
        name = self.plan.name
        found = self.client.get_experiment_by_name(name)
        if found is None:
            try:
                tags = {"kdstudy.study": self.study_id}
                return str(self.client.create_experiment(name, self.artifact_location, tags))
            except MlflowException as error:
                found = self.client.get_experiment_by_name(name)
                if found is None:
                    refusal = f"MLflow refuses the experiment: {first_line(error)}"
                    raise RequestError(f"study {name}: {refusal}") from None
        check_ours(found, self.study_id)
        return str(found.experiment_id)

    def _search(self, query: str) -> Iterator[Any]:
        token = None
        while True:
            page = self.client.search_runs(
                [self.experiment], query, max_results=1000, order_by=OLDEST_FIRST, page_token=token
            )
            yield from page
            if not (token := page.token):
                return

    def _look(self) -> None:
        """Read all runs of the study, at first and where one may have been made whose answer never came.

        Of two of one identity the first stays: a server had answered too late.
        """
        if self._uncertain:
            for run in self._search(f"tags.kdstudy.study = '{self.study_id}'"):
                self._remember(run)
            self._uncertain = False

    def _remember(self, run: Run) -> None:
        identity, run_id = run.data.tags["kdstudy.identity"], run.info.run_id
        if self._runs.setdefault(identity, run_id) != run_id:
            self.client.delete_run(run_id)
            return
        self._status[run_id] = run.info.status
        if not run.data.params:
            self._without_params.add(run_id)

    def _set_status(self, run: str, status: str) -> None:
        if self._status.get(run) == status:
            return
        if status in STATUS.values():
            self.client.set_terminated(run, status)
        else:
            self.client.update_run(run, status=status)
        self._status[run] = status

    def _run(
        self,
        identity: str,
        tags: dict[str, str],
        name: str,
        parent: str | None,
        params: Mapping[str, Any] | None = None,
        start_time: int | None = None,
    ) -> str:
        """Get or create the run that is `identity` within the study, with `params` where they are given.

        start_time: in ms, of a run that is made late; default now.
        """
        self._look()
        if identity not in self._runs:
            tags = tags | {"kdstudy.study": self.study_id, "kdstudy.identity": identity}
            if parent:
                tags["mlflow.parentRunId"] = parent
            self._uncertain = True
            created = self.client.create_run(self.experiment, start_time, tags, name)
            self._uncertain = False
            self._remember(created)
            self._times[created.info.run_id] = {}
        run = self._runs[identity]
        if params is not None and run in self._without_params:
            self._log(run, (), params)
        return run

    def _log(
        self,
        run: str,
        rows: Sequence[Metric],
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Log all at once; params that are there already, after a kill between the two, stay as they are."""
        batches = [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)] or [()]
        known = [Param(key, str(value)) for key, value in (params or {}).items() if value is not None]
        said = [RunTag(key, value) for key, value in (tags or {}).items()]
        for batch in batches:
            if batch or known or said:
                self.client.log_batch(run, metrics=batch, params=known, tags=said)
            known, said = [], []
        if params:
            self._without_params.discard(run)
