"""For what an answer holds: each caveat where it is due, and not elsewhere."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import pytest
from mlflow.entities import RunTag

from analysis.verdict.caveats import caveats
from analysis.verdict.results import Results
from tests.analysis.invented import invented_study

INIT: dict[str, Any] = {"scientific": {"init": ("random", "teacher")}}


def test_what_was_held_is_named(recorder: Any) -> None:
    (held,) = (text for text in caveats(recorder.read()) if text.startswith("Held at one value"))
    for said in ("depth 3", "steps 200", "warmup 0.1", "teacher_seed 0"):
        assert said in held
    assert "learning_rate 0.001," not in held.replace("teacher_learning_rate", "")


@pytest.mark.parametrize(
    ("roles", "said"),
    [
        ({}, "Teacher and students were trained on all training data."),
        ({"fixed": {"teacher_data": "full"}}, "Teacher and students were trained on all training data."),
        ({"fixed": {"teacher_data": "same"}}, "Teacher and students were trained on all training data."),
        ({"nuisance": {"data_fraction": (0.1, 1.0)}}, "teacher_data is full"),
        ({"fixed": {"data_fraction": 0.1}}, "teacher_data is full: the teacher saw all training data"),
        ({"fixed": {"data_fraction": 0.1, "teacher_data": "same"}}, "teacher_data is same"),
        ({"scientific": {"data_fraction": (0.1, 1.0)}}, "teacher_data is full"),
        ({"scientific": {"teacher_data": ("full", "same")}, "fixed": {"data_fraction": 0.1}}, "is a factor"),
        ({"teacher": "d" * 64}, "The teacher was given"),
    ],
)
def test_what_the_teacher_saw_is_named(make_recorder: Any, roles: Any, said: str) -> None:
    record = make_recorder(**roles).read()
    assert len([text for text in caveats(record) if said in text]) == 1


def test_one_teacher_is_a_caveat_and_several_are_none(make_recorder: Any) -> None:
    one = make_recorder(**INIT).read()
    several = make_recorder(name="2", scientific={"teacher_seed": (0, 1)}).read()
    assert any("not for teachers trained anew" in text for text in caveats(one))
    assert not any("not for teachers trained anew" in text for text in caveats(several))
    said = "Averaged over 2 teachers (teacher_seed 0, 1); the intervals are over seeds, with these teachers."
    assert said in caveats(several)
    assert not any("a teacher of its own" in text for text in [*caveats(one), *caveats(several)])


DATA = {"scientific": {"data_fraction": (0.1, 1.0)}}


@pytest.mark.parametrize(
    ("roles", "own", "one_teacher"),
    [
        ({"fixed": {"data_fraction": 0.1, "teacher_data": "same"}}, "In every arm each", False),
        ({"fixed": {"data_fraction": 1.0, "teacher_data": "same"}}, None, True),
        ({"fixed": {"data_fraction": 0.1, "teacher_data": "full"}}, None, True),
        (
            DATA | {"fixed": {"teacher_data": "same"}},
            "In the 1 of 2 arms with less than all data (teacher_data is same) each",
            True,
        ),
        (
            {"scientific": {"data_fraction": (0.1, 1.0), "teacher_data": ("full", "same")}},
            "In the 1 of 3 arms with teacher_data = same and less than all data each",
            True,
        ),
        (
            {
                "scientific": {"init": ("random", "teacher")},
                "fixed": {"data_fraction": 0.1},
                "teacher": "d" * 64,
            },
            None,
            True,
        ),
    ],
)
def test_where_each_seed_trains_its_own_teacher_the_intervals_are_over_teachers(
    make_recorder: Any, roles: Any, own: str | None, one_teacher: bool
) -> None:
    """The teacher's recipe holds the data seed where it saw the student's sample."""
    texts = caveats(make_recorder(**roles).read())
    found = [text for text in texts if "has a teacher of its own" in text]
    assert [text.startswith(own) for text in found] == [True] if own else not found
    assert any("not for teachers trained anew" in text for text in texts) is one_teacher


def test_what_the_teacher_saw_is_read_off_the_selected_values_where_it_was_tuned(make_recorder: Any) -> None:
    recorder = make_recorder(
        **INIT, nuisance={"teacher_data": ("full", "same")}, fixed={"data_fraction": 0.1}
    )
    for arm, selected in enumerate(("full", "same")):
        recorder.trial(arm, 0, 0.5, teacher_data=selected)
        recorder.trial(arm, 0, 0.5, seed=1, test=0.5, teacher_data=selected)
    (text,) = (text for text in caveats(recorder.read()) if "a teacher of its own" in text)
    assert text.startswith("In the 1 of 2 arms with teacher_data = same")


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
    texts = [text for text in caveats(recorder.read()) if "on the same number of trials" in text]
    assert len(texts) == 1
    assert texts[0].startswith("temperature has an effect in 2 of 4 arms, which tuned it besides the others")


def test_trials_that_were_stopped_early_are_named(recorder: Any) -> None:
    recorder.arms_alike()
    assert any(text.startswith("2 search trials were stopped early") for text in caveats(recorder.read()))


def test_runs_that_were_computed_otherwise_are_named(recorder: Any) -> None:
    recorder.arms_alike()
    assert not any("computed alike" in text for text in caveats(recorder.read()))
    run = recorder.read().trials.query("phase == 'confirm'")["run"].iloc[0]
    other = RunTag("kdstudy.numerics", "device=cuda threads=1 capability=NVIDIA H100")
    recorder.tracker.client.log_batch(run, metrics=(), params=(), tags=[other])
    (text,) = (text for text in caveats(recorder.read()) if "computed alike" in text)
    assert text.endswith("they differ in device (cpu, cuda), capability (NVIDIA H100, not said).")


@pytest.mark.parametrize("level", [1e-3, "kl"])
def test_a_nuisance_of_one_level_was_held(make_recorder: Any, level: Any) -> None:
    name = "loss" if level == "kl" else "learning_rate"
    recorder = make_recorder(
        **INIT, nuisance={name: (level,)}, fixed={} if level == 1e-3 else {"learning_rate": 1e-3}
    )
    recorder.arms_alike(**{name: level})
    assert f"{name} was to be tuned and had one value, {level}: it was held." in caveats(recorder.read())


def test_a_language_without_validation_texts_has_no_part_in_tuning(recorder: Any) -> None:
    recorder.arms_alike()
    assert not any("validation texts" in text for text in caveats(recorder.read()))
    for stored in recorder.tracker.client.stored.values():
        stored["metrics"].pop("validation/accuracy/yor", None)
    (text,) = (text for text in caveats(recorder.read()) if "validation texts" in text)
    assert text == (
        "yor: no validation texts, so no part in tuning; macro accuracy is over 2 languages on test, and "
        "over 1 of them where values were selected."
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
        assert "(by up to 5.0)" in said


def test_an_arm_whose_trials_all_score_alike_was_not_tuned(recorder: Any) -> None:
    for arm, scores in enumerate(([0.025, 0.025, 0.025], [0.025, 0.5, 0.025])):
        for number, score in enumerate(scores):
            recorder.trial(arm, number, score, learning_rate=(1e-3, 3e-4, 1e-4)[number])
    recorder.trial(0, 3, None, "diverged")
    (said,) = [text for text in caveats(recorder.read()) if "scored alike" in text]
    assert said.startswith("init=random: all 3 search trials scored alike (7.5 points), so nothing selected ")
    assert "its learning_rate." in said


def test_a_search_that_went_on_after_test_was_read_is_named(recorder: Any) -> None:
    recorder.arms_alike()
    assert not any("began after confirm runs had" in text for text in caveats(recorder.read()))
    time.sleep(0.002)  # MLflow's clock has milliseconds
    recorder.trial(0, 3, 0.2)
    recorder.trial(1, 3, 0.2, "failed")
    (said,) = [text for text in caveats(recorder.read()) if "began after confirm runs had" in text]
    assert said.startswith("2 search trials began")


@pytest.mark.parametrize(
    ("sampler", "said"),
    [
        ("quasi", ", at evenly spread points, the same in all: "),
        ("tpe", ", by TPE, at points of its own: "),
        ("", ": "),
    ],
)
def test_where_arms_were_tuned_is_said(sampler: str, said: str) -> None:
    study = invented_study({"init": ("random", "teacher")}, seeds=3, search=3)
    study = dataclasses.replace(study, facts=study.facts | {"sampler": sampler})
    (text,) = [text for text in Results(study).caveats if text.startswith("Tuned anew")]
    assert text.startswith(f"Tuned anew in every arm, by macro validation accuracy{said}learning_rate")
