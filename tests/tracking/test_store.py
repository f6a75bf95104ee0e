"""MLflow's store: checked before anything is written, and made whole or not at all."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import Experiment, ExperimentTag
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED, ErrorCode

from study.errors import RequestError
from study.planning.plan import Plan
from study.tracking.experiment import STUDY
from study.tracking.store import check_tracking, make_database
from study.tracking.tracker import Tracker
from study.trial.progress import Progress

MakePlan = Callable[..., Plan]
MakeReport = Callable[..., Progress]
Track = Callable[..., Tracker]


@pytest.mark.parametrize("uri", ["nonsense://here", "file:///tmp/mlruns"])
def test_a_store_that_mlflow_refuses_is_refused_in_one_line(make_plan: MakePlan, uri: str) -> None:
    with pytest.raises(RequestError, match=rf"^--tracking-uri {uri}: [^\n]+$"):
        Tracker(uri, None, make_plan(), "drawn")
    with pytest.raises(RequestError, match=rf"^--tracking-uri {uri}: [^\n]+$"):
        check_tracking(uri, "demo", None)


def test_a_server_that_does_not_answer_is_refused_at_once(
    make_plan: MakePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MLflow's own client would try for minutes, with pauses; here only the outbox tries again."""
    assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "0"
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("tries again"))
    with pytest.raises(RequestError, match=r"^--tracking-uri http://127.0.0.1:9: [^\n]+$"):
        check_tracking("http://127.0.0.1:9", "demo", None)
    with pytest.raises(RequestError, match=r"^--tracking-uri http://127.0.0.1:9: [^\n]+$"):
        Tracker("http://127.0.0.1:9", None, make_plan(), "drawn")


def test_looking_writes_nothing_and_knows_whose_a_name_is(
    track: Track, plan: Plan, client: MlflowClient, tracking_uri: str
) -> None:
    check_tracking(tracking_uri, plan.name, None)
    assert client.get_experiment_by_name(plan.name) is None
    ours = track(plan).runs.study_id
    check_tracking(tracking_uri, plan.name, ours)
    for other in (None, "by another"):  # none: the study has not been begun
        with pytest.raises(RequestError, match="another study has this name in MLflow"):
            check_tracking(tracking_uri, plan.name, other)
    with pytest.raises(RequestError, match="another study has this name in MLflow"):
        check_tracking(tracking_uri, "Default", None)  # MLflow's own, which is nobody's
    experiment = client.get_experiment_by_name(plan.name)
    assert experiment is not None
    client.delete_experiment(experiment.experiment_id)
    check_tracking(tracking_uri, plan.name, ours)  # it will be restored
    with pytest.raises(RequestError, match="a deleted experiment of another study has this name"):
        check_tracking(tracking_uri, plan.name, "by another")


def test_a_database_that_cannot_be_opened_is_no_server_that_is_away(
    make_plan: MakePlan, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"

    def broken(*values: Any, **more: Any) -> None:
        raise MlflowException("file is not a database")

    monkeypatch.setattr(MlflowClient, "get_experiment_by_name", broken)
    refused = pytest.raises(RequestError, match=f"^--tracking-uri {re.escape(uri)}: file is not a database$")
    with refused:
        check_tracking(uri, "demo", "drawn")
    with refused:
        Tracker(uri, None, make_plan(), "drawn", goes_on=True)


@pytest.mark.parametrize("code", ["UNAUTHENTICATED", "PERMISSION_DENIED"])
def test_a_server_that_refuses_the_user_is_not_away_also_if_the_study_has_begun(
    make_plan: MakePlan, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    def refused(*values: Any, **more: Any) -> None:
        raise MlflowException("failed with error code 4xx", error_code=ErrorCode.Value(code))

    monkeypatch.setattr(MlflowClient, "search_experiments", refused)
    named = pytest.raises(
        RequestError, match=r"^--tracking-uri http://mlflow: .* set MLFLOW_TRACKING_USERNAME"
    )
    with named:
        check_tracking("http://mlflow", "demo", "drawn")
    with named:
        Tracker("http://mlflow", None, make_plan(), "drawn", goes_on=True)


def test_a_study_of_others_that_may_only_be_read_is_refused_before_it_is_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server lets this user see the experiment, and write nothing."""
    experiment = Experiment("7", "demo", "", "active", [ExperimentTag(STUDY, "drawn")])
    monkeypatch.setattr(MlflowClient, "search_experiments", lambda *values, **more: [experiment])

    def refused(*values: Any, **more: Any) -> None:
        raise MlflowException("Permission denied", error_code=PERMISSION_DENIED)

    monkeypatch.setattr(MlflowClient, "set_experiment_tag", refused)
    with pytest.raises(RequestError, match="has not given this user the permission"):
        check_tracking("http://mlflow", "demo", "drawn")


@pytest.mark.processes
def test_a_database_appears_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill while MLflow made the tables left a database that MLflow could not open any more."""
    path = tmp_path / "mlflow.db"
    with monkeypatch.context() as patched:

        def killed(*values: Any, **more: Any) -> None:
            os._exit(9)

        patched.setattr(MlflowClient, "search_experiments", killed)
        if (child := os.fork()) == 0:
            make_database(path)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert [each.name.startswith(".mlflow-") for each in tmp_path.iterdir()] == [True]
    make_database(path)
    assert [each.name for each in tmp_path.iterdir()] == ["mlflow.db"]
    client = MlflowClient(f"sqlite:///{path}")
    experiment = client.create_experiment("demo")
    make_database(path)
    assert client.get_experiment(experiment).name == "demo"
