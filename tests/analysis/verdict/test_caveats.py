"""For what an answer holds: each caveat where it is due, and not elsewhere."""

from __future__ import annotations

from typing import Any

import pytest
from mlflow.entities import RunTag

from analysis.verdict.caveats import caveats
from analysis.verdict.settings import settings

INIT: dict[str, Any] = {"scientific": {"init": ("random", "teacher")}}


@pytest.mark.parametrize(
    ("roles", "said"),
    [
        ({}, "The teacher and the students were trained on all training data."),
        (
            {"fixed": {"teacher_data": "full"}},
            "The teacher and the students were trained on all training data.",
        ),
        (
            {"fixed": {"teacher_data": "same"}},
            "The teacher and the students were trained on all training data.",
        ),
        ({"nuisance": {"data_fraction": (0.1, 1.0)}}, "teacher_data is full"),
        ({"fixed": {"data_fraction": 0.1}}, "teacher_data is full: the teacher saw all training data"),
        ({"fixed": {"data_fraction": 0.1, "teacher_data": "same"}}, "teacher_data is same"),
        ({"scientific": {"data_fraction": (0.1, 1.0)}}, "teacher_data is full"),
        ({"scientific": {"teacher_data": ("full", "same")}, "fixed": {"data_fraction": 0.1}}, "is a factor"),
        ({"teacher": "d" * 64}, "The user gave the teacher"),
    ],
)
def test_what_the_teacher_saw_is_named(make_recorder: Any, roles: Any, said: str) -> None:
    record = make_recorder(**roles).read()
    assert len([text for text in (*caveats(record), *settings(record)) if said in text]) == 1


def test_one_teacher_is_a_caveat_and_several_are_none(make_recorder: Any) -> None:
    one = make_recorder(**INIT).read()
    several = make_recorder(name="2", scientific={"teacher_seed": (0, 1)}).read()
    assert any("not for teachers of other seeds" in text for text in caveats(one))
    assert not any("not for teachers of other seeds" in text for text in caveats(several))
    said = "averaged over 2 teachers (teacher_seed 0, 1). The intervals are over seeds, with these teachers."
    assert f"The numbers are {said}" in caveats(several)
    assert not any("a teacher of its own" in text for text in [*caveats(one), *caveats(several)])


DATA = {"scientific": {"data_fraction": (0.1, 1.0)}}


@pytest.mark.parametrize(
    ("roles", "own", "one_teacher"),
    [
        ({"fixed": {"data_fraction": 0.1, "teacher_data": "same"}}, "In every arm, each", False),
        ({"fixed": {"data_fraction": 1.0, "teacher_data": "same"}}, None, True),
        ({"fixed": {"data_fraction": 0.1, "teacher_data": "full"}}, None, True),
        (
            DATA | {"fixed": {"teacher_data": "same"}},
            "In the 1 of 2 arms with less than all data (teacher_data is same), each",
            True,
        ),
        (
            {"scientific": {"data_fraction": (0.1, 1.0), "teacher_data": ("full", "same")}},
            "In the 1 of 3 arms with teacher_data = same and less than all data, each",
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
    assert any("not for teachers of other seeds" in text for text in texts) is one_teacher


def test_what_the_teacher_saw_is_read_off_the_selected_values_where_it_was_tuned(make_recorder: Any) -> None:
    recorder = make_recorder(
        **INIT, nuisance={"teacher_data": ("full", "same")}, fixed={"data_fraction": 0.1}
    )
    for arm, selected in enumerate(("full", "same")):
        recorder.trial(arm, 0, 0.5, teacher_data=selected)
        recorder.trial(arm, 0, 0.5, seed=1, test=0.5, teacher_data=selected)
    (text,) = (text for text in caveats(recorder.read()) if "a teacher of its own" in text)
    assert text.startswith("In the 1 of 2 arms with teacher_data = same")


def test_runs_that_were_computed_otherwise_are_named(recorder: Any) -> None:
    recorder.arms_alike()
    assert not any("computed in different ways" in text for text in caveats(recorder.read()))
    run = recorder.read().trials.query("phase == 'confirm'")["run"].iloc[0]
    other = RunTag("kdstudy.numerics", "device=cuda threads=1 capability=NVIDIA H100")
    recorder.tracker.runs.client.log_batch(run, metrics=(), params=(), tags=[other])
    (text,) = (text for text in caveats(recorder.read()) if "computed in different ways" in text)
    assert text.endswith("They differ in device (cpu, cuda), capability (NVIDIA H100, not recorded).")
