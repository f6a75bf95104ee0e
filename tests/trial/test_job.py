"""The job of a worker: plain, frozen, and the same on the other side of a pickle."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import pytest

from study.config import TrialConfig
from study.storage.artifacts import Store
from study.storage.mirror import Mirror
from study.trial.job import TrialJob

CONFIG = TrialConfig(
    task="t", model="m", model_layers=4, depth=2, learning_rate=1e-3, teacher_learning_rate=1e-3
)


@pytest.fixture
def job(tmp_path: Path) -> TrialJob:
    store = Store(tmp_path / "artifacts", Mirror(tmp_path, (tmp_path / "there").as_uri()))
    return TrialJob(CONFIG, store, tmp_path / "trial", 4, attempt=3, given_teacher="./teacher")


def test_a_pickled_job_is_the_same_job(job: TrialJob) -> None:
    assert job.key == CONFIG.key  # remembered by the job, and no part of what is compared
    there = pickle.loads(pickle.dumps(job))
    assert there == job
    assert there.key == CONFIG.key


def test_it_cannot_be_changed(job: TrialJob) -> None:
    with pytest.raises(FrozenInstanceError):
        job.attempt = 4  # type: ignore[misc]


def test_another_configuration_has_another_key(job: TrialJob) -> None:
    assert job.key != replace(job, config=CONFIG.model_copy(update={"seed": 1})).key


def test_test_is_among_its_splits_only_if_it_is_scored(job: TrialJob) -> None:
    assert job.splits == ("train", "validation")
    assert replace(job, test=True).splits == ("train", "validation", "test")
