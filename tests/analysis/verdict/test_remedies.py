"""Commands that lift findings: the program takes each of them, and a finding names the one that lifts it."""

from __future__ import annotations

import itertools
import shlex
from typing import Any

import pytest

from analysis.record.study_record import StudyRecord
from analysis.verdict.audit import Finding, audit, gathered, remedies
from study.planning.changes import override
from study.space import Range

INIT: dict[str, Any] = {"scientific": {"init": ("random", "teacher")}}


def remedy_of(record: StudyRecord, rule: str) -> str:
    """The one remedy of all findings of this rule."""
    (remedy,) = {finding.remedy for finding in audit(record) if finding.rule == rule}
    return remedy


def settings_of(command: str) -> list[str]:
    words = shlex.split(command)
    return [value for option, value in itertools.pairwise(words) if option == "--set"]


def at_the_edge(recorder: Any, name: str, *values: Any) -> StudyRecord:
    """Each arm has selected one of the values."""
    for arm, value in enumerate(values):
        recorder.trial(arm, 0, 0.5, **{name: value})
    record: StudyRecord = recorder.read()
    return record


@pytest.mark.parametrize(("seeds", "asked"), [((1, 2), True), ((1, 2, 3), False)])
def test_too_few_seeds_are_lifted_by_more_seeds(recorder: Any, seeds: tuple[int, ...], asked: bool) -> None:
    recorder.arms_alike(seeds=seeds)
    found = {finding.remedy for finding in audit(recorder.read())}
    assert found == ({"kdstudy run ... --confirm-seeds 5"} if asked else set())


def test_confirm_runs_that_failed_are_lifted_by_another_try(recorder: Any) -> None:
    recorder.arms_alike(seeds=(1, 2))
    for arm in (0, 1):
        recorder.trial(arm, 1, None, "failed", seed=3, learning_rate=1e-3)
    record = recorder.read()
    assert remedy_of(record, "seeds") == f"kdstudy resume {shlex.quote(record.name)} --retry-failed"


def test_a_budget_that_failures_made_unequal_is_lifted_by_another_try(recorder: Any) -> None:
    recorder.arms_alike()
    recorder.trial(0, 5, None, "failed")
    recorder.trial(1, 5, 0.2)
    record = recorder.read()
    assert remedy_of(record, "budget") == f"kdstudy resume {shlex.quote(record.name)} --retry-failed"


def test_a_study_that_has_not_ended_is_resumed(recorder: Any) -> None:
    recorder.arms_alike()
    recorder.tracker.pause()
    record = recorder.read()
    assert remedy_of(record, "partial") == f"kdstudy resume {shlex.quote(record.name)}"


def test_trials_that_mlflow_lacks_are_sent(recorder: Any) -> None:
    recorder.arms_alike()
    recorder.tracker.finish(20)
    record = recorder.read()
    assert record.missing
    assert remedy_of(record, "partial") == f"kdstudy status {shlex.quote(record.name)} --sync"


@pytest.mark.parametrize(
    ("fixed", "settings"), [({"warmup": 0.1}, ["warmup=0.3"]), ({"warmup": 0.4}, []), ({}, ["warmup=0.3"])]
)
def test_students_that_end_at_chance_get_a_longer_warm_up(
    make_recorder: Any, fixed: dict[str, Any], settings: list[str]
) -> None:
    recorder = make_recorder(**INIT, fixed=fixed)
    for arm in (0, 1):
        recorder.trial(arm, 0, 0.5, learning_rate=1e-3)
        for seed in range(1, 6):
            at_chance = arm == 1 and seed < 3
            test = 0.05 if at_chance else 0.4 + seed / 100
            recorder.trial(arm, 1, 0.5, seed=seed, test=test, learning_rate=1e-3)
    record = recorder.read()
    assert settings_of(remedy_of(record, "kinds")) == settings


@pytest.mark.parametrize(
    ("name", "domain", "selected", "wider"),
    [
        (
            "learning_rate",
            {"low": 1e-4, "high": 1e-3, "log": True},
            (1e-3, 3e-4),
            "learning_rate=0.0001..0.003",
        ),
        (
            "learning_rate",
            {"low": 3e-4, "high": 3e-3, "log": True},
            (3e-4, 3e-3),
            "learning_rate=0.0001..0.009",
        ),
        ("weight_decay", {"low": 0.1, "high": 0.3}, (0.3, 0.2), "weight_decay=0.1..0.5"),
        ("weight_decay", {"low": 0.1, "high": 0.3}, (0.1, 0.2), "weight_decay=0..0.3"),
        ("warmup", {"low": 0.1, "high": 0.3}, (0.2, 0.3), "warmup=0.1..0.5"),
        ("batch_size", (16, 32, 64), (64, 16), "batch_size=8,16,32,64,128"),
        ("alpha", (0.2, 0.5, 1.0), (0.2, 0.5), "alpha=0.08,0.2,0.5,1"),
        ("temperature", (1.0, 2.0, 4.0), (4.0, 2.0), "temperature=1,2,4,8"),
    ],
)
def test_an_edge_is_lifted_by_a_wider_range_under_another_name(
    make_recorder: Any, name: str, domain: Any, selected: Any, wider: str
) -> None:
    rate = {} if name == "learning_rate" else {"learning_rate": 1e-3}
    recorder = make_recorder(**INIT, nuisance={name: domain}, fixed=rate)
    record = at_the_edge(recorder, name, *selected)
    command = remedy_of(record, "edge")
    assert settings_of(command) == [wider]
    assert f"--name {shlex.quote(record.name + '-wider')}" in command
    before = recorder.plan.space
    after = override(before, settings_of(command)).nuisance[name]  # the program takes the command
    old = before.nuisance[name]
    if isinstance(after, Range):
        assert isinstance(old, Range)
        assert after.log == old.log
        assert after.low <= old.low
        assert old.high <= after.high
        assert (after.low, after.high) != (old.low, old.high)
    else:
        assert not isinstance(old, Range)
        assert set(old) < set(after)


def test_a_teacher_that_failed_is_lifted_by_a_lower_rate(recorder: Any) -> None:
    recorder.arms_alike()
    recorder.teacher(float("nan"), "d" * 64)
    (setting,) = settings_of(remedy_of(recorder.read(), "teacher"))
    name, _, rate = setting.partition("=")
    assert name == "teacher_learning_rate"
    assert float(rate) < float(recorder.plan.held()["teacher_learning_rate"])


def test_many_findings_at_a_glance_keep_their_remedy_and_a_command_is_named_once() -> None:
    many = [Finding("seeds", arm, "2 confirmed seeds", "more") for arm in "abcd"]
    rest = [Finding("budget", "a", "3 of 4", "again"), Finding("pairing", None, "no pairs")]
    assert [finding.remedy for finding in gathered([*many, *rest])] == ["more", "again", ""]
    assert remedies([*many, *rest, Finding("partial", None, "", "again")]) == {
        "more": "seeds",
        "again": "budget, partial",
    }
