"""Unseen languages on record: which ones each arm has, and which score selects."""

from __future__ import annotations

from typing import Any

import pytest

from analysis.record.design import cells, confirmed, factors
from analysis.record.languages import ordered
from analysis.verdict.audit import audit
from study.config import SEEN_OR_UNSEEN, SUMMARIES

HALF = {"init": ("random", "teacher"), "train_languages": ("deu", "all")}


@pytest.fixture
def partly(make_recorder: Any) -> Any:
    """`partly(select_on)`: students of `deu` alone, for whom trial 1 is best on `deu` and trial 0 on average.

    `yor` scores a tenth more than `deu` in every trial.
    """

    def record(select_on: str = "seen") -> Any:
        recorder = make_recorder(select_on, scientific={"init": ("random", "teacher")}, select_on=select_on)
        recorder.teacher(0.8)
        for arm in (0, 1):
            recorder.trial(arm, 0, 0.4, languages=("yor", "deu", "hau"), seen=("yor",))  # macro .433
            recorder.trial(arm, 1, 0.42, languages=("yor",), seen=("yor",))
        for arm in (0, 1):
            for seed in (1, 2):
                recorder.trial(
                    arm, 1, 0.4, seed=seed, test=0.5, languages=("yor", "deu", "hau"), seen=("yor",)
                )
        recorder.tracker.finish()
        return recorder.read()

    return record


def test_each_arm_has_its_unseen_languages(partly: Any) -> None:
    record = partly()
    assert record.unseen_of_arms() == dict.fromkeys(record.arms, frozenset({"deu", "hau"}))
    assert factors(record) == {"init": ("random", "teacher")}


@pytest.mark.parametrize(
    ("select_on", "best", "value"), [("seen", "0.0002", 0.42), ("all", "0.0001", 1.3 / 3)]
)
def test_the_study_selects_on_the_languages_that_it_says(
    partly: Any, select_on: str, best: str, value: float
) -> None:
    record = partly(select_on)
    assert record.select_on == select_on
    rates = record.trials.set_index("key")["learning_rate"]
    for key in record.best.values():
        assert rates[key] == best
        assert record.selecting[key] == pytest.approx(value)


def test_summaries_over_seen_and_unseen_languages_are_no_languages(partly: Any) -> None:
    record = partly()
    results = confirmed(record)
    assert set(SEEN_OR_UNSEEN) < set(results["language"])
    assert ordered(results["language"])[-len(SUMMARIES) :] == list(SUMMARIES)
    assert not [finding for finding in audit(record) if finding.rule == "languages"]


def test_a_study_of_an_older_version_selects_on_all_languages_and_has_no_unseen_ones(finished: Any) -> None:
    for stored in finished.tracker.runs.client.stored.values():
        stored["params"].pop("select_on", None)
    record = finished.read()
    assert record.select_on == "all"
    assert record.unseen_of_arms() == {}


def test_the_levels_of_a_study_are_the_names_and_not_the_lists(make_recorder: Any) -> None:
    levels = ("half:1", "but:yor", "all")
    recorder = make_recorder(scientific={"train_languages": levels})
    for arm in range(3):
        recorder.trial(arm, 0, 0.4)
    record = recorder.read()
    assert factors(record) == {"train_languages": levels}
    assert list(cells(record)["train_languages"]) == list(levels)
    assert set(record.trials["train_languages"]) == set(levels)
