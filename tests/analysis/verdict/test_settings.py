"""The values for which an answer holds: what was held, what was tuned, and where."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from analysis.verdict.caveats import caveats
from analysis.verdict.results import Results
from analysis.verdict.settings import settings
from tests.analysis.invented import invented_study

INIT: dict[str, Any] = {"scientific": {"init": ("random", "teacher")}}


def test_what_was_held_is_named(recorder: Any) -> None:
    (held,) = (
        text for text in settings(recorder.read()) if text.startswith("These hyperparameters had one value")
    )
    for said in ("depth 3", "steps 200", "warmup 0.1", "teacher_seed 0"):
        assert said in held
    assert "learning_rate 0.001," not in held.replace("teacher_learning_rate", "")


@pytest.mark.parametrize("level", [1e-3, "kl"])
def test_a_nuisance_of_one_level_was_held(make_recorder: Any, level: Any) -> None:
    name = "loss" if level == "kl" else "learning_rate"
    recorder = make_recorder(
        **INIT, nuisance={name: (level,)}, fixed={} if level == 1e-3 else {"learning_rate": 1e-3}
    )
    recorder.arms_alike(**{name: level})
    texts = settings(recorder.read())
    assert f"{name} was to be tuned. It had one value, {level}, so {name} was held." in texts
    assert not any(text.startswith("Each arm was tuned") for text in texts)


@pytest.mark.parametrize(
    ("sampler", "said"),
    [
        ("quasi", ", at evenly spread points that are the same in all arms"),
        ("tpe", ", by TPE, at points that differ from arm to arm"),
        ("", ""),
    ],
)
def test_where_arms_were_tuned_is_said(sampler: str, said: str) -> None:
    study = invented_study({"init": ("random", "teacher")}, seeds=3, search=3)
    study = dataclasses.replace(study, facts=study.facts | {"sampler": sampler})
    (text,) = [text for text in settings(study) if text.startswith("Each arm was tuned by itself")]
    assert text.startswith(
        f"Each arm was tuned by itself, by macro validation accuracy{said}. Tuned: learning_rate"
    )


@pytest.mark.parametrize(
    ("fixed", "said"),
    [
        ({"steps": "400"}, "400 optimiser steps"),
        ({"epochs": "3"}, "3 epochs. Less data means fewer updates."),
    ],
)
def test_the_length_of_the_training_is_a_setting(fixed: dict[str, str], said: str) -> None:
    study = dataclasses.replace(invented_study({"depth": (1, 3)}, seeds=2, search=2), fixed=fixed)
    assert len([text for text in settings(study) if said in text]) == 1


def test_no_setting_is_a_caveat_as_well() -> None:
    study = invented_study({"init": ("random", "teacher"), "data_fraction": (0.1, 1.0)}, seeds=3, search=3)
    assert not set(settings(study)) & set(caveats(study))
    assert Results(study).settings == settings(study)
