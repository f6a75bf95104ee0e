"""The rows that MLflow holds of one experiment, as long tables: from a server by its client, from a database
by SQL.

The client makes an object of every metric of every run. 5,000 runs in 52 languages have 1.6 million metrics,
and the client takes minutes. SQL reads the same rows from the tables of the database in seconds. Both ways
give the same tables.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol

import pandas as pd
import sqlalchemy as sa

from analysis.record.artifacts import read_artifacts
from study.errors import RequestError, StudyStopped, plain_reason

__all__ = ["Client", "Database", "Source", "open_source"]

LARGEST = 1.797e308  # MLflow stores an infinite metric as the largest double
RUNS_AT_ONCE = 250  # in one query; this limits the memory of its rows and the length of its text
LOCKED = 120.0  # seconds that another process may lock a database before the reader gives up
STUDY, NAME = "kdstudy.study", "kdstudy.name"  # tags of an experiment: the id and the name of its study
PHASE = "kdstudy.phase"
RUN, OF = ("run_uuid", "experiment_id", "lifecycle_stage", "start_time"), ("experiment_id", "name")

log = logging.getLogger(__name__)


class Source(Protocol):
    """The active runs of the study `name`: of the experiment of this name, or of the experiment that was
    renamed and has the name as its tag; if the study was split over several experiments, of all of them.

    Raises:
        RequestError: there is no such experiment, or MLflow does not answer.
    """

    def runs(self) -> pd.DataFrame:
        """Columns run (its id), name, status, start (ms since 1970)."""

    def tags(self) -> pd.DataFrame:
        """Columns run, name, value: the tags of kdstudy."""

    def params(self) -> pd.DataFrame:
        """Columns run, name, value."""

    def metrics(self, runs: Sequence[str]) -> pd.DataFrame:
        """Columns run, name, value: the last value of every metric, if the value is finite."""

    def history(self, runs: Sequence[str], names: Sequence[str]) -> pd.DataFrame:
        """Columns run, name, step, value: the last finite value of each step."""

    def readers(self, task: str) -> pd.DataFrame:
        """Columns run, study, name: the confirm runs on `task` of all studies in this store of MLflow.

        study: the id of the study that the run is of. name: the name of the run's experiment.
        """

    def artifacts(self, runs: Sequence[str], name: str) -> dict[str, bytes]:
        """Run to the content of its artifact `name`; a run whose artifact cannot be read is left out."""


def open_source(uri: str, name: str) -> Source:
    """Opens the experiment `name` in the MLflow store at `uri`. Nothing is written, not even an empty
    database.

    Raises:
        RequestError: there is no such experiment, or MLflow does not answer.
    """
    if not uri.strip():
        raise RequestError(
            f"{name}: MLflow cannot be read: its URL is empty"
        )  # MLflow would create a database in the working folder
    kind = uri.partition(":")[0].partition("+")[0]
    return Database(uri, name) if kind in ("sqlite", "postgresql") else Client(uri, name)


class Client:
    """Reads an experiment with the client of MLflow."""

    def __init__(self, uri: str, name: str) -> None:
        # as in study.tracking: with its own retries, MLflow is silent for minutes if a server is away
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
        from mlflow import MlflowClient  # the import takes seconds, and reading a database does not need it

        self._reading = partial(_reading, name, Exception)  # every kind of store raises its own errors
        with self._reading():
            self.client = MlflowClient(tracking_uri=uri)
            found = self._experiments(name)
            _check(name, uri, [each.lifecycle_stage for each in found])
            self._runs = list(self._pages([e.experiment_id for e in found if e.lifecycle_stage == "active"]))

    def _experiments(self, name: str) -> list[Any]:
        named = self.client.get_experiment_by_name(name)
        found = [named] if named is not None else self._tagged(NAME, name)
        studies = {each.tags[STUDY] for each in found if STUDY in each.tags}
        return self._tagged(STUDY, studies.pop()) if len(studies) == 1 else found

    def _tagged(self, tag: str, value: str) -> list[Any]:
        from mlflow.entities import ViewType

        query = f"tags.`{tag}` = '{value}'"
        return list(self.client.search_experiments(view_type=ViewType.ALL, filter_string=query))

    def _pages(self, experiments: list[str], query: str = "") -> Iterator[Any]:
        token = None
        while True:
            page = self.client.search_runs(experiments, query, max_results=1000, page_token=token)
            yield from page
            if not (token := page.token):
                return

    def runs(self) -> pd.DataFrame:
        rows = [(r.info.run_id, r.info.run_name, r.info.status, r.info.start_time) for r in self._runs]
        return pd.DataFrame(rows, columns=["run", "name", "status", "start"])

    def tags(self) -> pd.DataFrame:
        return self._long(lambda run: {k: v for k, v in run.data.tags.items() if k.startswith("kdstudy.")})

    def params(self) -> pd.DataFrame:
        return self._long(lambda run: run.data.params)

    def metrics(self, runs: Sequence[str]) -> pd.DataFrame:
        wanted = set(runs)
        return _finite(self._long(lambda run: run.data.metrics if run.info.run_id in wanted else {}))

    def history(self, runs: Sequence[str], names: Sequence[str]) -> pd.DataFrame:
        wanted = set(runs)
        with self._reading():
            rows = [
                (run.info.run_id, name, m.step, m.timestamp, m.value)
                for run in self._runs
                if run.info.run_id in wanted
                for name in names
                if name in run.data.metrics
                for m in self.client.get_metric_history(run.info.run_id, name)
            ]
        return _last_of_steps(pd.DataFrame(rows, columns=["run", "name", "step", "timestamp", "value"]))

    def readers(self, task: str) -> pd.DataFrame:
        with self._reading():
            names = {each.experiment_id: each.name for each in self.client.search_experiments()}
            runs = list(self._pages(list(names), f"tags.`{PHASE}` = 'confirm' and params.task = '{task}'"))
        rows = [
            (run.info.run_id, run.data.tags.get(STUDY), names[run.info.experiment_id])
            for run in runs
            if run.data.tags.get(PHASE) == "confirm" and run.data.params.get("task") == task
        ]
        return pd.DataFrame(rows, columns=["run", "study", "name"])

    def artifacts(self, runs: Sequence[str], name: str) -> dict[str, bytes]:
        wanted = set(runs)
        places = {r.info.run_id: r.info.artifact_uri for r in self._runs if r.info.run_id in wanted}
        return read_artifacts(places, name, None, lambda: self.client)

    def _long(self, named: Any) -> pd.DataFrame:
        rows = [(run.info.run_id, name, value) for run in self._runs for name, value in named(run).items()]
        return pd.DataFrame(rows, columns=["run", "name", "value"])


class Database:
    """Reads an experiment by SQL. The columns are the same in all versions of MLflow since 2.0."""

    def __init__(self, uri: str, name: str) -> None:
        with _reading(
            name, (sa.exc.SQLAlchemyError, ImportError, ValueError)
        ):  # a missing driver, a wrong port
            url = sa.make_url(uri)
            self.engine = sa.create_engine(url)  # this opens no connection yet
        self.name = name
        if url.get_backend_name() == "sqlite" and not os.path.exists(url.database or ""):
            _check(name, uri, [])
        self._reading = partial(_reading, name, (sa.exc.SQLAlchemyError, pd.errors.DatabaseError))
        found = self._experiments(name)
        _check(name, uri, list(found["lifecycle_stage"]))
        active = found.loc[found["lifecycle_stage"] == "active", "experiment_id"]
        runs = _select("runs", "run_uuid", "name", "status", "start_time").where(
            sa.column("experiment_id").in_([int(each) for each in active]),
            sa.column("lifecycle_stage") == "active",
        )
        self._runs = self._read(runs).set_axis(["run", "name", "status", "start"], axis=1)

    def _experiments(self, name: str) -> pd.DataFrame:
        every = _select("experiments", "experiment_id", "lifecycle_stage")
        found = self._read(every.where(sa.column("name") == name))
        if found.empty:
            found = self._read(every.where(sa.column("experiment_id").in_(_tagged(NAME, [name]))))
        ours = sa.column("experiment_id").in_([int(each) for each in found["experiment_id"]])
        tags = _select("experiment_tags", "value").where(sa.column("key") == STUDY, ours)
        studies = list(self._read(tags)["value"].unique())
        if len(studies) != 1:
            return found
        return self._read(every.where(sa.column("experiment_id").in_(_tagged(STUDY, studies))))

    def runs(self) -> pd.DataFrame:
        return self._runs

    def tags(self) -> pd.DataFrame:
        ours = sa.column("key").startswith("kdstudy.", autoescape=True)
        return self._of_runs(_select("tags", "run_uuid", "key", "value").where(ours), self._runs["run"])

    def params(self) -> pd.DataFrame:
        return self._of_runs(_select("params", "run_uuid", "key", "value"), self._runs["run"])

    def metrics(self, runs: Sequence[str]) -> pd.DataFrame:
        query = _select("latest_metrics", "run_uuid", "key", "value").where(_is_number())
        return _finite(self._of_runs(query, runs))

    def history(self, runs: Sequence[str], names: Sequence[str]) -> pd.DataFrame:
        columns = ("run_uuid", "key", "step", "timestamp", "value")
        query = _select("metrics", *columns).where(_is_number(), sa.column("key").in_(names))
        return _last_of_steps(self._of_runs(query, runs))

    def readers(self, task: str) -> pd.DataFrame:
        runs, experiments = (
            sa.table("runs", *map(sa.column, RUN)),
            sa.table("experiments", *map(sa.column, OF)),
        )
        phase, study = (_named("tags", name) for name in ("phase", "study"))
        params = _named("params", "task")
        query = (
            sa.select(runs.c.run_uuid.label("run"), study.c.value.label("study"), experiments.c.name)
            .select_from(runs)
            .join(experiments, experiments.c.experiment_id == runs.c.experiment_id)
            .join(phase, sa.and_(phase.c.run_uuid == runs.c.run_uuid, phase.c.key == PHASE))
            .join(params, sa.and_(params.c.run_uuid == runs.c.run_uuid, params.c.key == "task"))
            .outerjoin(study, sa.and_(study.c.run_uuid == runs.c.run_uuid, study.c.key == STUDY))
            .where(runs.c.lifecycle_stage == "active", phase.c.value == "confirm", params.c.value == task)
            .order_by(runs.c.start_time, runs.c.run_uuid)
        )
        return self._read(query)

    def artifacts(self, runs: Sequence[str], name: str) -> dict[str, bytes]:
        found = self._of_runs(_select("runs", "run_uuid", "artifact_uri"), runs)
        places = dict(zip(found["run"], found["artifact_uri"], strict=True))
        file = self.engine.url.database if self.engine.url.get_backend_name() == "sqlite" else None
        return read_artifacts(places, name, file and os.path.dirname(os.path.abspath(file)), self._client)

    def _client(self) -> Any:
        from mlflow import MlflowClient  # the import takes seconds

        return MlflowClient(tracking_uri=self.engine.url.render_as_string(hide_password=False))

    def _of_runs(self, query: Any, runs: Sequence[str]) -> pd.DataFrame:
        ids = list(runs)
        parts = [
            self._read(query.where(sa.column("run_uuid").in_(ids[start : start + RUNS_AT_ONCE])))
            for start in range(0, max(1, len(ids)), RUNS_AT_ONCE)
        ]
        return pd.concat(parts, ignore_index=True).rename(columns={"run_uuid": "run", "key": "name"})

    def _read(self, query: Any) -> pd.DataFrame:
        until, waiting = time.monotonic() + LOCKED, False
        with self._reading():
            while True:
                try:
                    with self.engine.connect() as connection:
                        return pd.read_sql(query, connection)
                except (sa.exc.OperationalError, pd.errors.DatabaseError) as error:
                    if "database is locked" not in str(error):
                        raise
                    if time.monotonic() > until:
                        raise StudyStopped(
                            f"{self.name}: MLflow's database is locked by another process; "
                            "try again when that has ended"
                        ) from error
                if not waiting:
                    log.warning("waiting for MLflow's database: another process has locked it")
                    waiting = True
                time.sleep(0.2)


def _tagged(tag: str, values: Sequence[str]) -> Any:
    """The ids of the experiments whose `tag` has one of the `values`."""
    return _select("experiment_tags", "experiment_id").where(
        sa.column("key") == tag, sa.column("value").in_(values)
    )


def _check(name: str, uri: str, stages: Sequence[str]) -> None:
    """Checks that one of the experiments, of which `stages` are the stages, is active."""
    if not stages:
        raise RequestError(
            f"{name}: MLflow at {uri} has no experiment of this name; the study has recorded nothing there, "
            f"or its record was lost: `kdstudy status {name} --sync` writes the record again"
        )
    if "active" not in stages:
        raise RequestError(
            f"{name}: the MLflow experiment of this study was deleted; restore the experiment to report it: "
            f"`kdstudy status {name} --sync` does"
        )


@contextmanager
def _reading(name: str, error: type[Exception] | tuple[type[Exception], ...]) -> Iterator[None]:
    try:
        yield
    except (RequestError, StudyStopped):
        raise
    except error as refusal:
        # pandas begins with the whole query, and its cause is the error of the database
        cause = refusal.__cause__ if isinstance(refusal, pd.errors.DatabaseError) else None
        raise RequestError(f"{name}: MLflow cannot be read: {plain_reason(cause or refusal)}") from None


def _select(table: str, *columns: str) -> Any:
    return sa.select(*map(sa.column, columns)).select_from(sa.table(table))


def _named(table: str, alias: str) -> Any:
    return sa.table(table, *map(sa.column, ("run_uuid", "key", "value"))).alias(alias)


def _is_number() -> Any:
    return sa.not_(sa.column("is_nan", sa.Boolean))


def _finite(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["value"].astype(float).abs() < LARGEST]


def _last_of_steps(rows: pd.DataFrame) -> pd.DataFrame:
    ordered = _finite(rows).sort_values(["run", "name", "step", "timestamp", "value"])
    last = ordered.drop_duplicates(["run", "name", "step"], keep="last")
    return last.drop(columns="timestamp").reset_index(drop=True)
