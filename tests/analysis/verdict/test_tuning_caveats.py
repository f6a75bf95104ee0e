"""Caveats about the tuning of the arms: how many trials, which values, what selected them."""

from __future__ import annotations

import time
from typing import Any

import pytest

from analysis.verdict.caveats import caveats

INIT: dict[str, Any] = {"scientific": {"init": ("random", "teacher")}}


@pytest.mark.parametrize(("trials", "said"), [(1, "1 search trial an arm"), (8, "8 search trials an arm")])
def test_few_search_trials_are_a_caveat(make_recorder: Any, trials: int, said: str) -> None:
    """With two of them, equal arms were claimed to differ in most of the simulated studies."""
    recorder = make_recorder(**INIT)
    for arm, more in ((0, 0), (1, 5)):
        for number in range(trials + more):
            recorder.trial(arm, number, 0.5)
    assert [text for text in caveats(recorder.read()) if text.startswith(said)]


def test_more_than_eight_are_not(make_recorder: Any) -> None:
    recorder = make_recorder(**INIT)
    for arm in (0, 1):
        for number in range(9):
            recorder.trial(arm, number, 0.5)
    assert not any("tune little" in text for text in caveats(recorder.read()))


def test_arms_that_tune_more_on_the_same_budget_are_named(make_recorder: Any) -> None:
    recorder = make_recorder(
        scientific={"init": ("random", "teacher"), "alpha": (1.0, 0.5)},
        nuisance={"learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}, "temperature": (1.0, 2.0, 4.0)},
    )
    for arm in range(4):
        recorder.trial(arm, 0, 0.5, learning_rate=1e-3, temperature=2.0)
    texts = [text for text in caveats(recorder.read()) if "with the same number of trials" in text]
    assert len(texts) == 1
    assert texts[0].startswith("temperature has an effect in 2 of 4 arms. These arms tuned one more")


def test_trials_that_were_stopped_early_are_named(recorder: Any) -> None:
    recorder.arms_alike()
    assert any(text.startswith("2 search trials were pruned") for text in caveats(recorder.read()))


def test_a_language_without_validation_texts_has_no_part_in_tuning(recorder: Any) -> None:
    recorder.arms_alike()
    assert not any("validation texts" in text for text in caveats(recorder.read()))
    for stored in recorder.tracker.runs.client.stored.values():
        stored["metrics"].pop("validation/accuracy/yor", None)
    (text,) = (text for text in caveats(recorder.read()) if "validation texts" in text)
    assert text == (
        "yor: no validation texts, so these languages had no part in the tuning. On test, macro accuracy is "
        "over 2 languages. In the selection, macro accuracy is over 1 of them."
    )


def test_failed_trials_are_not_counted_as_tuning(make_recorder: Any) -> None:
    recorder = make_recorder(**INIT)
    for arm in (0, 1):
        for number in range(9):
            recorder.trial(arm, number, None if number < 5 else 0.5, "failed" if number < 5 else "complete")
    assert any(text.startswith("4 search trials an arm tune little") for text in caveats(recorder.read()))


@pytest.mark.parametrize(("best", "said"), [(1e-3, True), (3e-4, False), (2e-4, True)])
def test_the_outermost_of_what_was_tried_may_not_be_the_best(recorder: Any, best: float, said: bool) -> None:
    """The range is wider on either side."""
    for arm in (0, 1):
        for number, value in enumerate((2e-4, 3e-4, 1e-3)):
            score = 0.6 if value == (best if arm == 0 else 3e-4) else 0.5
            recorder.trial(arm, number, score, learning_rate=value)
    texts = [text for text in caveats(recorder.read()) if "that was tried" in text]
    assert len(texts) == said
    assert all(text.startswith("init=random: the selected learning_rate is the lowest or") for text in texts)


@pytest.mark.parametrize("sampler", ["quasi", "tpe"])
def test_arms_whose_search_still_rises_are_counted(make_recorder: Any, sampler: str) -> None:
    """Of four trials one is the best by 0.1: half of the draws of two lack it."""
    recorder = make_recorder(**INIT, sampler=sampler)
    for arm, best in enumerate((0.6, 0.5)):
        for number in range(4):
            recorder.trial(arm, number, best if number == 2 else 0.5, learning_rate=10.0 ** (-4 + number / 4))
    texts = [text for text in caveats(recorder.read()) if "half as many" in text]
    if sampler == "tpe":
        assert texts == []
    else:
        (said,) = texts
        assert said.startswith("In 1 of 2 arms")
        assert "up to 5.0 points lower" in said


def test_an_arm_whose_trials_all_score_alike_was_not_tuned(recorder: Any) -> None:
    for arm, scores in enumerate(([0.025, 0.025, 0.025], [0.025, 0.5, 0.025])):
        for number, score in enumerate(scores):
            recorder.trial(arm, number, score, learning_rate=(1e-3, 3e-4, 1e-4)[number])
    recorder.trial(0, 3, None, "diverged")
    (said,) = [text for text in caveats(recorder.read()) if "have the same score" in text]
    assert said.startswith(
        "init=random: all 3 search trials have the same score (7.5 points). So the search did not "
    )
    assert "select learning_rate." in said


def test_a_search_that_went_on_after_test_was_read_is_named(recorder: Any) -> None:
    recorder.arms_alike()
    assert not any("began after confirm runs, which read test" in text for text in caveats(recorder.read()))
    time.sleep(0.002)  # MLflow's clock has milliseconds
    recorder.trial(0, 3, 0.2)
    recorder.trial(1, 3, 0.2, "failed")
    (said,) = [
        text for text in caveats(recorder.read()) if "began after confirm runs, which read test" in text
    ]
    assert said.startswith("2 search trials began")
