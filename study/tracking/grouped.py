"""MLflow's own store of a database, with the writes of many runs in one transaction and few statements.

MLflow's store makes several transactions of each call, and an object of every metric: if hundreds of trials
run, this takes most of a driver's time (`tests/benchmarks/wall.py` measures both stores). Here `together`
joins the calls of a block into one transaction, and `log_batch` is a statement for each table.

What is stored is what MLflow's store would store (tests compare all tables). A server has its own store:
nothing here changes how a study writes to a server.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunInfo, RunStatus, RunTag
from mlflow.environment_variables import MLFLOW_ENABLE_WORKSPACES
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.store.tracking import DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH
from mlflow.store.tracking.dbmodels.models import SqlLatestMetric, SqlMetric, SqlParam, SqlTag
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from mlflow.tracking._tracking_service import utils
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NAME
from mlflow.utils.validation import (
    _validate_batch_log_data,
    _validate_batch_log_limits,
    _validate_param_keys_unique,
    _validate_run_id,
)
from sqlalchemy import Table, select, text, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

__all__ = ["GroupedStore", "together"]

METRICS: Table = SqlMetric.__table__
LATEST: Table = SqlLatestMetric.__table__
PARAMS: Table = SqlParam.__table__
TAGS: Table = SqlTag.__table__
INSERT: dict[str, Callable[[Table], Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
"""Dialect -> its INSERT, which can say what is to be done with a row that is there already."""


def together(client: MlflowClient) -> AbstractContextManager[None] | None:
    """Return a block within which all writes of this thread through `client` are one transaction.

    Returns None if the store of `client` cannot do this: it is a server.
    """
    store = client._tracking_client.store
    return store.together() if isinstance(store, GroupedStore) else None


class GroupedStore(SqlAlchemyStore):
    """MLflow's store in SQLite or PostgreSQL."""

    def __init__(self, db_uri: str, default_artifact_root: str) -> None:
        self._joined = threading.local()
        super().__init__(db_uri, default_artifact_root)
        self._alone, self.ManagedSessionMaker = self.ManagedSessionMaker, self._session
        self._statements = _Statements(self.engine.dialect.name)

    @contextmanager
    def together(self) -> Iterator[None]:
        """All writes of this thread within the block are committed at its end, or none is."""
        with self.engine.connect() as connection:
            if self.db_type == "sqlite":  # as MLflow sets them; they must be set before a transaction
                for pragma in ("foreign_keys = ON", "busy_timeout = 20000", "case_sensitive_like = true"):
                    connection.execute(text(f"PRAGMA {pragma}"))
                connection.commit()
            with (
                connection.begin(),
                Session(connection, join_transaction_mode="rollback_only") as self._joined.session,
            ):
                try:
                    yield
                    self._joined.session.flush()
                finally:
                    del self._joined.session

    def _session(self, read_only: bool = True) -> AbstractContextManager[Session]:
        """The session for one piece of work: of the block that is open, or one of its own."""
        joined = getattr(self._joined, "session", None)
        return self._alone(read_only=read_only) if joined is None else nullcontext(joined)

    def log_batch(
        self, run_id: str, metrics: Sequence[Metric], params: Sequence[Param], tags: Sequence[RunTag]
    ) -> None:
        """Log all at once, as MLflow does: the same rows, checks and errors."""
        if any(tag.key == MLFLOW_RUN_NAME for tag in tags) or any(metric.model_id for metric in metrics):
            super().log_batch(run_id, metrics, params, tags)  # these are in other tables too
            return
        _validate_run_id(run_id)
        metrics, params, tags = _validate_batch_log_data(metrics, params, tags)
        _validate_batch_log_limits(metrics, params, tags)
        _validate_param_keys_unique(params)
        with self.ManagedSessionMaker(read_only=False) as session:
            self._check_run_is_active(self._get_run(run_uuid=run_id, session=session))
            session.flush()  # what the block has made so far; the statements here go past the session
            self._add_params(session, run_id, params)
            self._add_metrics(session, run_id, metrics)
            self._add_tags(session, run_id, tags)
            session.expire_all()

    def _add_params(self, session: Session, run_id: str, params: Sequence[Param]) -> None:
        """Add params that the run does not have.

        Raises:
            MlflowException: if the run has one of them with another value.
        """
        if not params:
            return
        of_run = select(PARAMS.c.key, PARAMS.c.value).where(PARAMS.c.run_uuid == run_id)
        there = {row.key: row.value for row in session.execute(of_run)}
        changed = [p.key for p in params if p.key in there and there[p.key] != p.value]
        if changed:
            raise MlflowException(
                f"Changing param values is not allowed: {changed} of the run {run_id}",
                INVALID_PARAMETER_VALUE,
            )
        rows = [{"run_uuid": run_id, "key": p.key, "value": p.value} for p in params if p.key not in there]
        if rows:
            session.execute(self._statements.params, rows)

    def _add_metrics(self, session: Session, run_id: str, metrics: Sequence[Metric]) -> None:
        """Add rows that the run does not have; the newest of each metric becomes the latest."""
        rows: dict[tuple[Any, ...], dict[str, Any]] = {}
        latest: dict[str, dict[str, Any]] = {}
        for metric in metrics:
            is_nan, value = self.sanitize_metric_value(metric.value)
            row = {
                "run_uuid": run_id,
                "key": metric.key,
                "value": value,
                "timestamp": metric.timestamp,
                "step": metric.step,
                "is_nan": is_nan,
            }
            rows[metric.key, metric.timestamp, metric.step, value, is_nan] = row
            before = latest.get(metric.key)
            if before is None or _age(row) > _age(before):
                latest[metric.key] = row
        if not rows:
            return
        session.execute(self._statements.metrics, list(rows.values()))
        session.execute(self._statements.latest, list(latest.values()))

    def _add_tags(self, session: Session, run_id: str, tags: Sequence[RunTag]) -> None:
        """Add or change tags."""
        values = {tag.key: tag.value for tag in tags}
        if values:
            rows = [{"run_uuid": run_id, "key": key, "value": value} for key, value in values.items()]
            session.execute(self._statements.tags, rows)

    def update_run_info(
        self, run_id: str, run_status: int | None, end_time: int | None, run_name: str | None
    ) -> Any:
        """Change the state of a run. (MLflow's own would read all metrics, params and tags of the run.)"""
        if run_name:
            return super().update_run_info(run_id, run_status, end_time, run_name)
        with self.ManagedSessionMaker(read_only=False) as session:
            run = self._get_run(run_uuid=run_id, session=session)
            self._check_run_is_active(run)
            if run_status is not None:
                run.status = RunStatus.to_string(run_status)
            if end_time is not None:
                run.end_time = end_time
            session.flush()
            return RunInfo(
                run_id=run.run_uuid,
                run_name=run.name,
                experiment_id=str(run.experiment_id),
                user_id=run.user_id,
                status=run.status,
                start_time=run.start_time,
                end_time=run.end_time,
                lifecycle_stage=run.lifecycle_stage,
                artifact_uri=run.artifact_uri,
            )


class _Statements:
    """The statements that add rows, in a dialect. They are made once, which takes longer than their use."""

    def __init__(self, dialect: str) -> None:
        insert = INSERT[dialect]
        self.params = insert(PARAMS)
        self.metrics = insert(METRICS).on_conflict_do_nothing()
        tags, latest = insert(TAGS), insert(LATEST)
        of_key, new = ["key", "run_uuid"], latest.excluded
        self.tags = tags.on_conflict_do_update(index_elements=of_key, set_={"value": tags.excluded.value})
        age, age_there = (tuple_(of.step, of.timestamp, of.value) for of in (new, LATEST.c))
        replaced = {name: new[name] for name in ("value", "timestamp", "step", "is_nan")}
        self.latest = latest.on_conflict_do_update(
            index_elements=of_key, set_=replaced, where=age > age_there
        )


def _age(row: dict[str, Any]) -> tuple[Any, ...]:
    """By this MLflow decides which row of a metric is the latest."""
    return row["step"], row["timestamp"], row["value"]


def _build(store_uri: str, artifact_uri: str | None) -> Any:
    """The store of a database: the one above, unless MLflow's workspaces, which have their own, are on."""
    if MLFLOW_ENABLE_WORKSPACES.get():
        return utils._get_sqlalchemy_store(store_uri, artifact_uri)
    return GroupedStore(store_uri, artifact_uri or DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH)


for _scheme in INSERT:
    utils._tracking_store_registry.register(_scheme, _build)
