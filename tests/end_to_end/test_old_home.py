"""A finished study of a version without views, names, descriptions and lineage: this version adds them.

`homes/finished.tar.xz` is the home that the code of commit 919344d left, the last one before there were saved
views. It was made with the task and the base model of `tests/conftest.py`, in one folder:

    kdstudy run low_resource --name finished --home home --task task --model model \\
        --set init=random,teacher --set data_fraction=0.5,1.0 --set teacher_data=full --set steps=40 \\
        --set teacher_steps=60 --set batch_size=8 --set learning_rate=1e-3..1e-2 \\
        --sampler random --trials 1 --confirm-seeds 2

Removed by hand: all weights (`student/`, the base model, the teacher), the trimmed vocabulary, locks. Folders
were renamed to `/home/reader/kdstudy` in both databases and in `request.json`. Both databases were vacuumed.
"""

from __future__ import annotations

import json
import sqlite3
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from analysis.record.reading import read_study
from analysis.verdict.published import numbers_of_arms
from analysis.verdict.results import Results
from study.tracking.page.links import recorded_studies
from tests.end_to_end.conftest import Recorded
from tests.processes import Answer

pytestmark = pytest.mark.long

ARCHIVE = Path(__file__).parent / "homes" / "finished.tar.xz"
NAME, PLANNED = "finished", 12
COMMANDS = (("report",), ("status", "--sync"), ("resume",))


def of_trials(home: Path) -> dict[str, set[tuple[Any, ...]]]:
    """What MLflow's tables hold of trials and teachers, without the names of runs and their folders."""
    query = "select {} from {} where run_uuid in (select run_uuid from tags where key = 'kdstudy.key')"
    what = {
        "runs": "run_uuid, status, start_time, end_time, lifecycle_stage",
        "metrics": "run_uuid, key, step, timestamp, value",
        "latest_metrics": "run_uuid, key, step, timestamp, value",
        "params": "run_uuid, key, value",
    }
    with sqlite3.connect(home / "mlflow.db") as database:
        found = {
            table: set(database.execute(query.format(columns, table))) for table, columns in what.items()
        }
    database.close()
    return found


@pytest.fixture(params=COMMANDS, ids=" ".join)
def brought_up(
    request: pytest.FixtureRequest, command: Callable[..., Answer], tmp_path: Path
) -> tuple[Path, dict[str, set[tuple[Any, ...]]], tuple[str, ...]]:
    """The home after a command, what the older code had left of its trials, and the command."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    home, (first, *rest) = tmp_path / "home", request.param
    before = of_trials(home)
    assert not recorded_studies(home / "mlflow.db")[NAME][1]
    answer = command(first, NAME, *rest, "--home", home)
    assert answer.code == 0, answer.err
    return home, before, request.param


def test_a_finished_study_gets_all_that_the_page_shows_and_no_number_changes(
    brought_up: Any,
    read: Callable[..., Recorded],
    check_whole: Callable[[Path, str, int], Recorded],
    command: Callable[..., Answer],
) -> None:
    home, before, (first, *rest) = brought_up
    after = of_trials(home)
    assert after == before
    on_record = check_whole(home, NAME, PLANNED)
    assert recorded_studies(home / "mlflow.db")[NAME][1]

    # names, descriptions, and where the runs come from
    experiment = MlflowClient(f"sqlite:///{home / 'mlflow.db'}").get_experiment_by_name(NAME)
    assert experiment is not None
    assert "mlflow.note.content" in experiment.tags
    assert len(on_record.of("teacher")) == 1
    for run in on_record.runs:
        assert "mlflow.note.content" in run.data.tags
        assert run.data.tags["mlflow.source.name"].startswith("kdstudy run low_resource --name finished ")
        assert "mlflow.source.git.commit" not in run.data.tags  # this code has run none of them
    for key, run in on_record.trials.items():
        assert run.info.run_name != key[:8]
        contexts = [tag.value for each in run.inputs.dataset_inputs for tag in each.tags]
        test = ["test"] if run.data.tags["kdstudy.phase"] == "confirm" else []
        assert sorted(contexts) == [*test, "training", "validation"]
    shares = {
        json.loads(each.dataset.profile)["data_fraction"]: each.dataset
        for run in on_record.of("search")
        for each in run.inputs.dataset_inputs
        if each.dataset.name == "task train"
    }
    rows = {fraction: json.loads(each.profile)["num_rows"] for fraction, each in shares.items()}
    assert rows == {0.5: 120, 1.0: 240}
    assert shares[0.5].digest != shares[1.0].digest

    # numbers of arms: how far they are, and those of the report
    numbers = numbers_of_arms(Results(read_study(f"sqlite:///{home / 'mlflow.db'}", NAME)))
    for run in on_record.of("arm"):
        metrics = run.data.metrics
        assert metrics["progress/ended"] == metrics["progress/planned"] == 3
        expected = numbers[run.data.tags["kdstudy.arm"]]
        assert expected
        assert expected.items() <= metrics.items()

    # the same once more changes nothing
    rows_before, runs_before = on_record.metric_rows, len(on_record.runs)
    assert command(first, NAME, *rest, "--home", home).code == 0
    again = read(home, NAME)
    assert (again.metric_rows, len(again.runs)) == (rows_before, runs_before)
    assert of_trials(home) == before
