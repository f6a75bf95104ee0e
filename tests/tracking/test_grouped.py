"""MLflow's store with grouped writes: it holds what MLflow's own store would hold."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

from study.tracking.grouped import GroupedStore, together

TABLES = {
    "runs": "name, status, end_time, lifecycle_stage",
    "metrics": "key, value, timestamp, step, is_nan",
    "latest_metrics": "key, value, timestamp, step, is_nan",
    "params": "key, value",
    "tags": "key, value",
}
VALUES = st.one_of(st.floats(-1, 1), st.sampled_from([math.nan, math.inf, -math.inf, 0.0, 1.0]))
METRICS = st.builds(
    Metric, st.sampled_from(["loss", "validation/accuracy/swh"]), VALUES, st.integers(1, 3), st.integers(0, 2)
)
TAGS = st.builds(RunTag, st.sampled_from(["a", "kdstudy.why"]), st.text("xy", min_size=1))
PARAMS = st.lists(
    st.builds(Param, st.sampled_from(["init", "depth"]), st.sampled_from(["1", "2"])),
    max_size=2,
    unique_by=lambda param: param.key,
)
BATCHES = st.tuples(
    st.integers(0, 1), st.lists(METRICS, max_size=8), PARAMS, st.lists(TAGS, max_size=3), st.booleans()
)


def rows(database: Path) -> dict[str, list[Any]]:
    """All rows of the tables, without the random ids of runs."""
    with closing(sqlite3.connect(database)) as one:
        return {
            table: sorted(
                one.execute(
                    f"select r.start_time, {', '.join(f'x.{c}' for c in columns.split(', '))} "
                    f"from {table} x join runs r using (run_uuid)"
                ),
                key=repr,
            )
            for table, columns in TABLES.items()
        }


class Store:
    """A database with an experiment and two runs. log: logs one batch, and returns MLflow's error, if any."""

    def __init__(self, make: Callable[..., SqlAlchemyStore], folder: Path) -> None:
        self.database = folder / "mlflow.db"
        self.store: Any = make(f"sqlite:///{self.database}", str(folder))
        experiment = self.store.create_experiment("e")
        self.runs = [
            self.store.create_run(experiment, "u", number, [], f"run {number}").info.run_id
            for number in (1, 2)
        ]

    def log(self, run: int, metrics: Any, params: Any, tags: Any, closes: bool) -> str | None:
        try:
            self.store.log_batch(self.runs[run], metrics, params, tags)
        except MlflowException as error:
            return str(error.error_code)
        if closes:
            self.store.update_run_info(self.runs[run], 3, 99, None)
        return None


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A database with MLflow's tables, which take seconds to make."""
    folder = tmp_path_factory.mktemp("empty")
    SqlAlchemyStore(f"sqlite:///{folder / 'mlflow.db'}", str(folder)).engine.dispose()
    return (folder / "mlflow.db").read_bytes()


@pytest.fixture
def new(empty: bytes, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Store]:
    def make(kind: Callable[..., SqlAlchemyStore]) -> Store:
        folder = tmp_path_factory.mktemp("store")
        (folder / "mlflow.db").write_bytes(empty)
        return Store(kind, folder)

    return make


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(BATCHES, max_size=5))
def test_it_holds_what_mlflows_own_store_would_hold(new: Callable[..., Store], batches: list[Any]) -> None:
    """Batch by batch, with the same refusals; and in one transaction the same as in many."""
    theirs, ours, grouped = new(SqlAlchemyStore), new(GroupedStore), new(GroupedStore)
    errors = [theirs.log(*batch) for batch in batches]
    assert [ours.log(*batch) for batch in batches] == errors
    assert rows(ours.database) == rows(theirs.database)
    if not any(errors):
        with grouped.store.together():
            for batch in batches:
                grouped.log(*batch)
        assert rows(grouped.database) == rows(theirs.database)


def test_a_batch_that_is_sent_again_adds_no_row(new: Callable[..., Store]) -> None:
    store = new(GroupedStore)
    batch: Any = (
        0,
        [Metric("loss", math.nan, 1, 1), Metric("loss", 0.5, 1, 2)],
        [Param("a", "b")],
        [],
        False,
    )
    store.log(*batch)
    before = rows(store.database)
    assert len(before["metrics"]) == 2
    assert store.log(*batch) is None
    assert rows(store.database) == before


def test_a_transaction_is_committed_as_a_whole_or_not_at_all(new: Callable[..., Store]) -> None:
    """Also the runs that are made within it; another reader sees nothing before its end."""
    store = new(GroupedStore)
    before = rows(store.database)

    def killed() -> None:
        with store.store.together():
            store.log(0, [Metric("loss", 0.5, 1, 1)], [], [RunTag("a", "b")], True)
            store.store.create_run("1", "u", 3, [], "third")
            assert rows(store.database) == before
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        killed()
    assert rows(store.database) == before
    store.log(1, [Metric("loss", 0.5, 1, 1)], [], [], False)  # by itself again
    assert rows(store.database) != before


@pytest.fixture
def client(empty: bytes, tmp_path: Path) -> Iterator[MlflowClient]:
    (tmp_path / "mlflow.db").write_bytes(empty)
    client = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    yield client
    client._tracking_client.store.engine.dispose()


def test_a_client_of_a_database_has_this_store_and_a_client_of_a_server_has_not(client: MlflowClient) -> None:
    experiment = client.create_experiment("e")
    block = together(client)
    assert block is not None
    with block:
        run = client.create_run(experiment).info.run_id
        client.log_batch(run, [Metric("loss", 0.5, 1, 1)], tags=[RunTag("a", "b")])
        assert client.get_run(run).data.metrics == {"loss": 0.5}
        client.set_terminated(run)
    found = client.get_run(run)
    assert (found.data.metrics, found.info.status) == ({"loss": 0.5}, "FINISHED")
    assert found.data.tags["a"] == "b"
    assert together(MlflowClient("http://127.0.0.1:9")) is None
