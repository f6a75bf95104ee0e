"""MLflow's experiment and runs of one study: found by tag, or made. A second write of the same adds nothing.

A run has an identity within its study (tag `kdstudy.identity`). There may be two runs with one identity: the
client gave up on a server that was slow, the server made the run all the same, and then the client made
another one. Of the two runs the older one stays, and the newer one is deleted.

A run that a user has deleted is restored. A tag that was removed or changed is written again, and so is the
parent of a run if the parent is another run now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from threading import RLock
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import DatasetInput, Metric, Param, Run, RunTag, ViewType
from mlflow.exceptions import MlflowException

from study.errors import RequestError, plain_reason
from study.tracking.experiment import NAME, STUDY, find_experiment
from study.tracking.identity import IDENTITY, PARENT, identity_of
from study.tracking.known import RESULT, RUN_NAME, KnownRun
from study.tracking.lineage import COMMIT, DIRTY, SOURCE, SOURCE_TYPE
from study.tracking.page.notes import NOTE, OURS, may_describe, note_tags
from study.tracking.store import is_away
from study.trial.scores import HEADLINES

__all__ = ["ENDED", "Runs"]

OLDEST_FIRST = ["attributes.start_time ASC"]
BATCH = 800  # metrics in one log_batch, which takes 1,000 in all with 100 params and 100 tags
ENDED = frozenset({"FINISHED", "KILLED", "FAILED"})  # states of MLflow in which a run is closed
SET_ONCE = ("git", "versions", "chance", "number")
FIRST = (*(f"kdstudy.{name}" for name in SET_ONCE), NOTE, OURS, SOURCE, SOURCE_TYPE)
"""Tags that may change, and keep their first value here."""
AT_BIRTH = (COMMIT, DIRTY)
"""Tags that a run has from the code that makes the run, and no other code adds."""
SYSTEM = "system/"
"""How the names of metrics begin that tell of the machine: each time another number."""
PROBED = (*(f"validation/{metric}/macro" for metric in HEADLINES), "loss")
"""Every report with scores or a loss has one of these."""


class Runs:
    """The runs of the study `name`, whose id the ledger drew, in the MLflow store at `uri`.

    goes_on: the study has begun in this store before, so a server may be away now.

    Raises:
        RequestError: if an experiment of this name belongs to another study, or MLflow refuses the store.
    """

    def __init__(
        self, uri: str, artifact_location: str | None, name: str, study_id: str, goes_on: bool = False
    ) -> None:
        self.uri, self.artifact_location = uri, artifact_location
        self.name, self.study_id = name, study_id
        self._ids: dict[str, str] = {}  # identity -> run id
        self._known: dict[str, KnownRun] = {}  # by run id
        self._deleted: dict[str, str] = {}  # identity -> id of a run that was deleted in MLflow
        self._uncertain = True  # whether there may be runs that this object has not seen
        self._making = RLock()  # of several threads only one looks for runs or makes one
        try:
            self.client = MlflowClient(tracking_uri=uri)
            _ = self.experiment
        except RequestError:
            raise
        except Exception as error:  # each kind of store raises errors of its own
            if not (goes_on and is_away(uri, error)):
                called = "MLflow's database" if artifact_location else f"--tracking-uri {uri}"
                raise RequestError(f"{called}: {plain_reason(error)}") from None

    @cached_property
    def experiment(self) -> str:
        """The id of the study's experiment. It is made if it is missing, restored if it was deleted."""
        tags = {STUDY: self.study_id, NAME: self.name}
        found = find_experiment(self.client, self.name, self.study_id)
        if found is None:
            try:
                return str(self.client.create_experiment(self.name, self.artifact_location, tags))
            except MlflowException as error:
                found = find_experiment(self.client, self.name, self.study_id)
                if found is None:
                    refusal = f"MLflow refuses the experiment: {plain_reason(error)}"
                    raise RequestError(f"study {self.name}: {refusal}") from None
        experiment = str(found.experiment_id)
        if found.lifecycle_stage == "deleted":
            self.client.restore_experiment(experiment)
        for tag, value in tags.items():
            if found.tags.get(tag) != value:
                self.client.set_experiment_tag(experiment, tag, value)
        return experiment

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
        all_tags = {**tags, STUDY: self.study_id, IDENTITY: identity}
        if parent:
            all_tags[PARENT] = parent
        with self._making:
            self._look()
            if identity not in self._ids and identity in self._deleted:
                self._uncertain = True
                self.client.restore_run(self._deleted[identity])
                self._look()
            if identity not in self._ids:
                self._uncertain = True
                created = self.client.create_run(self.experiment, start_time, all_tags, name)
                self._uncertain = False
                self._remember(created, times={})
            run = self._ids[identity]
        self.add_tags(run, all_tags)
        if params is not None and self.lacks_params(run):
            self.log(run, (), params)
        return run

    def set_tags(self, run: str, tags: Mapping[str, str]) -> None:
        """Write those of `tags` that `run` does not have yet."""
        if new := {key: value for key, value in tags.items() if self.tag(run, key) != value}:
            self.log(run, (), tags=new)

    def rename(self, run: str, former: str, name: str, note: str = "") -> None:
        """Give `run` the `name` if it is called `former`, and the description `note` if it has none.

        A run that a user has named or described stays as it is.
        """
        if self.tag(run, RUN_NAME) == former != name:
            self.client.update_run(run, name=name)
            self._known[run].tags[RUN_NAME] = name
        if note:
            self.add_tags(run, note_tags(note))

    def add_inputs(self, run: str, inputs: Callable[[], list[DatasetInput]]) -> None:
        """Log the data sets that `run` reads, as `inputs` returns them, unless the run has some already."""
        if not self._known[run].has_inputs and (datasets := inputs()):
            self.client.log_inputs(run, datasets=datasets)
            self._known[run].has_inputs = True

    def describe(self, run: str, text: str) -> None:
        """Give `run` the description `text`, unless a user has written another one."""
        if may_describe(self._known[run].tags):
            self.set_tags(run, note_tags(text))

    def tag(self, run: str, tag: str) -> str | None:
        """Return the value of a tag of `run`; None if it has no such tag."""
        return self._known[run].tags.get(tag)

    def has(self, identity: str, status: str, tags: Mapping[str, str], measured: bool) -> bool:
        """Return whether the run `identity` is there, with this status, these tags, and params.

        measured: whether the run must have the result of a trial too.
        """
        self._look()
        known = self._known.get(self._ids.get(identity, ""))
        return (
            known is not None
            and known.status == status
            and tags.items() <= known.tags.items()
            and known.has_params
            and (known.measured or not measured)
        )

    def forget(self) -> None:
        """Read everything again at the next use: somebody has changed the study's runs in MLflow."""
        self.__dict__.pop("experiment", None)
        for memory in (self._ids, self._known, self._deleted):
            memory.clear()
        self._uncertain = True

    def lacks_params(self, run: str) -> bool:
        """Return whether `run` has no params yet: the run is new, or a kill came before its params."""
        return not self._known[run].has_params

    def id_of(self, identity: str) -> str | None:
        """Return the id of the run `identity`; None if there is no such run."""
        self._look()
        return self._ids.get(identity)

    def known_id(self, identity: str) -> str | None:
        """Return the id of the run `identity` if this object has met the run already. MLflow is not asked."""
        return self._ids.get(identity)

    def status(self, identity: str) -> str | None:
        """Return MLflow's status of the run `identity`; None if there is no such run."""
        self._look()
        run = self._ids.get(identity)
        return None if run is None else self._known[run].status

    def set_status(self, run: str, status: str) -> None:
        """Bring `run` to MLflow's `status`, unless it has that status already."""
        if self._known[run].status == status:
            return
        if status in ENDED:
            self.client.set_terminated(run, status)
        else:
            self.client.update_run(run, status=status)
        self._known[run].status = status

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
        known = self._known[run]
        known.has_params |= bool(params)
        known.tags |= tags or {}
        known.measured |= any(row.key == RESULT for row in rows)

    def as_first_reported(self, run: str, rows: Sequence[Metric]) -> list[Metric]:
        """Return `rows`; if MLflow has rows of a step already, with the time of those rows.

        If a journal was lost with its home, a step that is reported again has another time, and MLflow would
        store a second row. The values are the same, because a trial is a function of its configuration; those
        of the machine are not, so their rows are left out.
        """
        known = self._known[run]
        if known.times is None:  # a run that this process has found, not made
            there = (row for name in PROBED for row in self.client.get_metric_history(run, name))
            known.times = {row.step: row.timestamp for row in there}
        times = known.times
        return [
            Metric(r.key, r.value, times.get(r.step, r.timestamp), r.step)
            for r in rows
            if not r.key.startswith(SYSTEM) or times.get(r.step, r.timestamp) == r.timestamp
        ]

    def add_tags(self, run: str, tags: Mapping[str, str]) -> None:
        """Write those of `tags` that `run` lacks or has otherwise; those of `FIRST` only if it lacks them."""
        there = self._known[run].tags
        new = {k: v for k, v in tags.items() if k not in AT_BIRTH and (k not in there or k not in FIRST)}
        self.set_tags(run, new)

    def _look(self) -> None:
        """Read all runs of the study: at the first use, and after a call to make a run has raised.

        After such a call the server may have made the run, and only its answer was lost.
        """
        with self._making:
            if self._uncertain:
                for run in self._search():
                    self._remember(run)
                self._uncertain = False

    def _search(self) -> Iterator[Any]:
        token = None
        while True:
            page = self.client.search_runs(
                [self.experiment], "", ViewType.ALL, max_results=1000, order_by=OLDEST_FIRST, page_token=token
            )
            yield from page
            if not (token := page.token):
                return

    def _remember(self, run: Run, times: dict[int, int] | None = None) -> None:
        identity, run_id = identity_of(run.data.tags), run.info.run_id
        if identity is None or run.data.tags.get(STUDY, self.study_id) != self.study_id:
            return  # not a run of this study
        if run.info.lifecycle_stage == "deleted":
            self._deleted.setdefault(identity, run_id)
            return
        if self._ids.setdefault(identity, run_id) != run_id:
            self.client.delete_run(run_id)
            return
        if times is None and run_id in self._known:
            times = self._known[run_id].times
        self._known[run_id] = KnownRun.of(run, times)
