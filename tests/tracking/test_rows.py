"""What MLflow receives: metrics at their step and time, and params that say what the study is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from mlflow import MlflowClient

from study.ledger.records import State
from study.planning.plan import Plan
from study.tracking.rows import report_rows, result_rows, score_rows, study_params, texts_tags
from study.tracking.tracker import Tracker
from study.trial.progress import Progress
from tests.tracking.recorded import ARMS, begin, rows, runs, trial

MakePlan = Callable[..., Plan]
MakeReport = Callable[..., Progress]
Track = Callable[..., Tracker]


def test_a_report_is_logged_at_its_step_and_time(
    track: Track, plan: Plan, client: MlflowClient, make_report: MakeReport
) -> None:
    tracker, record = track(plan), trial(plan)
    run = begin(tracker, record)
    lines = [make_report(number, number / 10) for number in (1, 2)]
    for count in (1, 2):
        tracker.replay(record, lines[:count], State.RUNNING)
    found = rows(client, run)
    metrics = ("accuracy", "macro_f1", "retention")
    languages = ("deu", "yor", "macro", "worst")
    assert set(found) == {"loss"} | {f"validation/{m}/{name}" for m in metrics for name in languages}
    at = [(3, 1_700_000_000_001), (6, 1_700_000_000_002)]
    assert found["validation/accuracy/deu"] == [(*at[0], 0.1), (*at[1], 0.2)]
    assert [value for *_, value in found["validation/accuracy/yor"]] == pytest.approx([0.2, 0.3])
    assert found["loss"] == [(*at[0], 0.9), (*at[1], 0.8)]


def test_test_is_logged_only_where_it_was_scored(
    track: Track, plan: Plan, client: MlflowClient, make_report: MakeReport
) -> None:
    tracker = track(plan)
    for record, test in ((trial(plan), None), (trial(plan, seed=1, phase="confirm"), 0.7)):
        run = begin(tracker, record)
        report = make_report(1, 0.5, "complete", test=test)
        tracker.replay(record, [report], State.RUNNING)
        tracker.replay(record, [report], State.COMPLETE)
        found = rows(client, run)
        assert (found["seconds"], found["parameters"]) == (
            [(3, report.time_ms, 1.5)],
            [(3, report.time_ms, 1000.0)],
        )
        tests = {name: values for name, values in found.items() if name.startswith("test/")}
        assert len(tests) == (0 if test is None else 14)
        if test is not None:
            assert tests["test/texts/deu"] == [(3, report.time_ms, 10.0)]
            assert tests["test/accuracy/worst"] == [(3, report.time_ms, 0.7)]


def test_what_was_not_measured_has_no_metric(
    track: Track, plan: Plan, client: MlflowClient, make_report: MakeReport
) -> None:
    """A diverged trial's last report has no loss and no scores; with a teacher at 0 there is no retention."""
    tracker, diverged = track(plan), trial(plan)
    run = begin(tracker, diverged)
    tracker.replay(diverged, [make_report(1, None, "diverged")], State.DIVERGED)
    assert set(rows(client, run)) == {"seconds", "parameters", "size_mb"}
    other, report = trial(plan, rate=2e-3), make_report(1, 0.5)
    assert report.validation is not None
    report.validation["retention"] = {"macro": None, "worst": None, "by_language": {}}
    run = begin(tracker, other)
    tracker.replay(other, [report], State.RUNNING)
    assert not [name for name in rows(client, run) if "retention" in name]


def test_a_teacher_that_was_computed_otherwise_is_said(
    track: Track, plan: Plan, client: MlflowClient, make_report: MakeReport
) -> None:
    tracker, record, report = track(plan), trial(plan), make_report(1, 0.5, "complete")
    assert report.result is not None
    report.result["other_numerics_of_teacher"] = {"outputs": {"threads": [2, 1]}}
    run = begin(tracker, record)
    tracker.replay(record, [report], State.COMPLETE)
    said = client.get_run(run).data.tags["kdstudy.numerics"]
    assert said == "device=cpu threads=1 teacher_outputs_threads=2"


def test_the_study_run_says_what_was_asked(track: Track, make_plan: MakePlan, client: MlflowClient) -> None:
    plan = make_plan(name="asked", **ARMS, fixed={"steps": 50}, question="x" * 7000)
    track(plan)
    (study,) = runs(client, plan, "study")
    params = study.data.params
    assert params["scientific.init"] == "('random', 'teacher')"
    assert params["nuisance.learning_rate"] == "0.0001..0.01, logarithmic"
    assert (params["fixed.steps"], params["space"], params["task"]) == ("50", "demo", "a" * 64)
    assert len(params["question"]) == 6000  # MLflow's limit


def test_the_study_run_names_the_role_of_every_hyperparameter(
    track: Track, make_plan: MakePlan, client: MlflowClient
) -> None:
    """Every one that has an effect and is not decided by the request."""
    plan = make_plan(name="roles", **ARMS, fixed={"steps": 50})
    track(plan)
    (study,) = runs(client, plan, "study")
    named = [name.partition(".") for name in study.data.params if "." in name]
    effective = trial(plan, 3).config.effective()
    decided = {"task", "model", "model_layers", "teacher", "seed", "data_seed"}
    assert sorted(name for _, _, name in named) == sorted(effective.keys() - decided)
    assert {name: role for role, _, name in named if role != "fixed"} == {
        "init": "scientific",
        "alpha": "scientific",
        "learning_rate": "nuisance",
    }
    assert study.data.params["fixed.warmup"] == "0.1"


def test_what_has_no_effect_in_any_arm_is_not_said_to_be_held(
    track: Track, make_plan: MakePlan, client: MlflowClient
) -> None:
    """MSE has no temperature. With all data, `teacher_data` makes no difference."""
    fixed = {"loss": "mse", "temperature": 4.0, "data_fraction": 1.0, "teacher_data": "full", "steps": 50}
    plan = make_plan(name="inert", **ARMS, fixed=fixed)
    track(plan)
    (study,) = runs(client, plan, "study")
    said = {name for name in fixed if f"fixed.{name}" in study.data.params}
    assert said == {"loss", "data_fraction", "steps"}


def test_defaults_of_what_is_varied_or_tuned_are_no_facts_of_the_study(
    track: Track, make_plan: MakePlan, client: MlflowClient
) -> None:
    plan = make_plan(name="defaults", scientific={"depth": (1, 2)})
    track(plan)
    (study,) = runs(client, plan, "study")
    said = study.data.params
    assert not {"depth", "learning_rate", "teacher_learning_rate"} & said.keys()
    assert {"task", "model", "model_layers", "teacher"} <= said.keys()
    assert (said["scientific.depth"], "fixed.teacher_learning_rate" in said) == ("(1, 2)", True)


def test_the_study_run_says_how_was_searched_and_no_budget_that_may_grow(
    track: Track, make_plan: MakePlan, client: MlflowClient
) -> None:
    plan = make_plan(name="how", sampler="random", pruner="median", reports=5, trials=4)
    track(plan)
    track(make_plan(name="how", sampler="random", pruner="median", reports=5, trials=9, confirm_seeds=7))
    (study,) = runs(client, plan, "study")
    said = study.data.params
    assert (said["sampler"], said["pruner"], said["reports"]) == ("random", "median", "5")
    assert not {"trials", "confirm_seeds", "tunings"} & said.keys()
    assert (said["selection"], said["seed_block"]) == ("interpolated", "0")


def test_a_study_that_began_before_there_was_a_choice_has_no_params_of_it(make_plan: MakePlan) -> None:
    assert not {"selection", "seed_block"} & study_params(make_plan(selection="best tried")).keys()


def test_the_study_run_says_under_which_names_task_and_model_were_asked_for(
    track: Track, make_plan: MakePlan, client: MlflowClient
) -> None:
    plan = make_plan(name="names").model_copy(update={"request": {"task": "massive", "model": "xlm-r"}})
    track(plan)
    (study,) = runs(client, plan, "study")
    said = study.data.params
    assert (said["task_source"], said["task"]) == ("massive", "a" * 64)
    assert (said["model_source"], said["model"]) == ("xlm-r", "b" * 64)


def test_scores_are_flat_and_what_is_missing_has_no_name() -> None:
    assert list(score_rows("test", None)) == []
    over = {"macro": 0.5, "worst": None, "by_language": {"deu": 0.75, "yor": None}}
    flat = {"test/accuracy/deu": 0.75, "test/accuracy/macro": 0.5}
    assert dict(score_rows("test", {"accuracy": over, "macro_f1": None})) == flat


def test_a_loss_of_zero_is_a_loss(make_report: MakeReport) -> None:
    """Only a missing loss has no metric."""
    report = replace(make_report(2, 0.5), loss=0.0)
    (loss,) = [row for row in report_rows(report) if row.key == "loss"]
    assert (loss.value, loss.step, loss.timestamp) == (0.0, report.step, report.time_ms)
    assert not [row for row in report_rows(replace(report, loss=None)) if row.key == "loss"]


def test_a_result_stands_at_its_own_step_and_at_the_time_of_the_last_report(make_report: MakeReport) -> None:
    last = make_report(2, 0.5, "complete", test=0.7)
    assert last.result is not None
    found = result_rows(last, last.result | {"steps": 100})
    assert {(row.step, row.timestamp) for row in found} == {(100, last.time_ms)}
    assert {row.key: row.value for row in found if "/" not in row.key} == {
        "seconds": 1.5,
        "parameters": 1000.0,
        "size_mb": 0.004,
    }


def test_the_share_that_a_fraction_came_to_is_a_metric_of_the_trial(make_report: MakeReport) -> None:
    last = make_report(2, 0.5, "complete", test=0.7)
    assert last.result is not None
    share = {"all": 0.05, "by_language": {"deu": 0.04, "yor": 0.06}}
    with_share = {row.key: row.value for row in result_rows(last, last.result | {"data_share": share})}
    without = {row.key: row.value for row in result_rows(last, last.result)}
    more = {"data_share": 0.05, "data_share/deu": 0.04, "data_share/yor": 0.06}
    assert with_share == without | more


def test_counts_that_are_too_long_for_a_tag_are_their_sum() -> None:
    few, many = {"deu": 3, "yor": 4}, {f"language {n}": 2 for n in range(1000)}
    tags = texts_tags({"train": few, "test": many})
    assert tags == {"kdstudy.texts.train": '{"deu":3,"yor":4}', "kdstudy.texts.test": '{"all":2000}'}
