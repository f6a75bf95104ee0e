"""MLflow's experiment and runs of one study: found by tag, or made. A second write of the same adds nothing.

A run has an identity within its study (tag `kdstudy.identity`). There may be two runs with one identity: the
client gave up on a server that was slow, the server made the run all the same, and then the client made
another one. Of the two runs the older one stays, and the newer one is deleted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException

from study.errors import RequestError, first_line
from study.tracking.store import check_ours, is_server

__all__ = ["ENDED", "Runs"]

OLDEST_FIRST = ["attributes.start_time ASC"]
BATCH = 800  # metrics in one log_batch, which takes 1,000 in all with 100 params and 100 tags
ENDED = frozenset({"FINISHED", "KILLED", "FAILED"})  # states of MLflow in which a run is closed
PROBED = ("validation/accuracy/macro", "loss")  # every report with scores or a loss has one of these


class Runs:
    """The runs of the study `name`, whose id the ledger drew, in the MLflow store at `uri`.

    goes_on: the study has begun in this store before, so a server may be away now.

    Raises:
        RequestError: if an experiment of this name belongs to another study, or MLflow refuses the store.
    """

    def __init__(
        self, uri: str, artifact_location: str | None, name: str, study_id: str, goes_on: bool = False
    ) -> None:
        self.name, self.study_id, self.artifact_location = name, study_id, artifact_location
        self._ids: dict[str, str] = {}  # identity -> run id
        self._status: dict[str, str] = {}  # run id -> MLflow's status
        self._times: dict[str, dict[int, int]] = {}  # run id -> {step: time at which MLflow has the step}
        self._without_params: set[str] = set()
        self._uncertain = True  # whether there may be runs that this object has not seen
        try:
            self.client = MlflowClient(tracking_uri=uri)
            _ = self.experiment
        except RequestError:
            raise
        except Exception as error:  # each kind of store raises errors of its own
            if not (goes_on and is_server(uri)):
                raise RequestError(f"--tracking-uri {uri}: {first_line(error)}") from None

    @cached_property
    def experiment(self) -> str:
        """The id of the study's experiment, which is made if it is missing."""
        found = self.client.get_experiment_by_name(self.name)
        if found is None:
            try:
                tags = {"kdstudy.study": self.study_id}
                return str(self.client.create_experiment(self.name, self.artifact_location, tags))
            except MlflowException as error:
                found = self.client.get_experiment_by_name(self.name)
                if found is None:
                    refusal = f"MLflow refuses the experiment: {first_line(error)}"
                    raise RequestError(f"study {self.name}: {refusal}") from None
        check_ours(found, self.study_id)
        return str(found.experiment_id)

    def get(
        self,
        identity: str,
        tags: Mapping[str, str],
        name: str,
        parent: str | None = None,
        params: Mapping[str, Any] | None = None,
        start_time: int | None = None,
    ) -> str:
        """Return the id of the run `identity`. A run that is missing is made, with all that is given here.

        parent: the id of the run above. params: logged now if the run has none yet, because a kill may have
        come before them. start_time: milliseconds since 1970, for a run that is made late; default now.
        """
        self._look()
        if identity not in self._ids:
            all_tags = {**tags, "kdstudy.study": self.study_id, "kdstudy.identity": identity}
            if parent:
                all_tags["mlflow.parentRunId"] = parent
            self._uncertain = True
            created = self.client.create_run(self.experiment, start_time, all_tags, name)
            self._uncertain = False
            self._remember(created)
            self._times[created.info.run_id] = {}
        run = self._ids[identity]
        if params is not None and self.lacks_params(run):
            self.log(run, (), params)
        return run

    def lacks_params(self, run: str) -> bool:
        """Return whether `run` has no params yet: the run is new, or a kill came before its params."""
        return run in self._without_params

    def status(self, identity: str) -> str | None:
        """Return MLflow's status of the run `identity`; None if there is no such run."""
        self._look()
        return self._status.get(self._ids.get(identity, ""))

    def set_status(self, run: str, status: str) -> None:
        """Bring `run` to MLflow's `status`, unless it has that status already."""
        if self._status.get(run) == status:
            return
        if status in ENDED:
            self.client.set_terminated(run, status)
        else:
            self.client.update_run(run, status=status)
        self._status[run] = status

    def log(
        self,
        run: str,
        rows: Sequence[Metric],
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Log everything in as few calls as MLflow allows. Params that are there already stay as they are."""
        batches = [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)] or [()]
        all_params = [Param(key, str(value)) for key, value in (params or {}).items() if value is not None]
        all_tags = [RunTag(key, value) for key, value in (tags or {}).items()]
        for batch in batches:
            if batch or all_params or all_tags:
                self.client.log_batch(run, metrics=batch, params=all_params, tags=all_tags)
            all_params, all_tags = [], []
        if params:
            self._without_params.discard(run)

    def as_first_reported(self, run: str, rows: Sequence[Metric]) -> list[Metric]:
        """Return `rows`; if MLflow has rows of a step already, with the time of those rows.

        If a journal was lost with its home, a step that is reported again has another time, and MLflow would
        store a second row. The values are the same, because a trial is a function of its configuration.
        """
        if run not in self._times:  # a run that this process has found, not made
            there = (row for name in PROBED for row in self.client.get_metric_history(run, name))
            self._times[run] = {row.step: row.timestamp for row in there}
        times = self._times[run]
        return [Metric(r.key, r.value, times.get(r.step, r.timestamp), r.step) for r in rows]

    def _look(self) -> None:
        """Read all runs of the study: at the first use, and after a call to make a run has raised.

        After such a call the server may have made the run, and only its answer was lost.
        """
        if self._uncertain:
            for run in self._search(f"tags.kdstudy.study = '{self.study_id}'"):
                self._remember(run)
            self._uncertain = False

    def _search(self, query: str) -> Iterator[Any]:
        token = None
        while True:
            page = self.client.search_runs(
                [self.experiment], query, max_results=1000, order_by=OLDEST_FIRST, page_token=token
            )
            yield from page
            if not (token := page.token):
                return

    def _remember(self, run: Run) -> None:
        identity, run_id = run.data.tags["kdstudy.identity"], run.info.run_id
        if self._ids.setdefault(identity, run_id) != run_id:
            self.client.delete_run(run_id)
            return
        self._status[run_id] = run.info.status
        if not run.data.params:
            self._without_params.add(run_id)
