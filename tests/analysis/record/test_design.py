"""A study's design: levels as they were planned, none where a factor has no effect, and what counts."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from analysis.record.design import cells, confirm_runs, confirmed, confirmed_trials, factors, teachers_differ
from analysis.record.domain import parse_arm


def levels_of(record: Any) -> dict[str, dict[str, Any]]:
    """Cells without what is missing."""
    return {
        str(arm): {name: level for name, level in row.items() if not pd.isna(level)}
        for arm, row in cells(record).to_dict("index").items()
    }


def test_levels_are_numbers_where_they_are_and_stand_in_planned_order(make_recorder: Any) -> None:
    recorder = make_recorder(scientific={"init": ("teacher", "base"), "alpha": (1.0, 0.2), "depth": (3, 2)})
    record = recorder.read()
    assert factors(record) == {"init": ("teacher", "base"), "alpha": (1.0, 0.2), "depth": (3, 2)}
    table = cells(record)
    assert tuple(table.index) == record.arms
    assert table.index.name == "arm"
    assert table.loc["init=base alpha=0.2 depth=3"].to_dict() == {"init": "base", "alpha": 0.2, "depth": 3}


def test_a_factor_with_one_level_is_none(make_recorder: Any) -> None:
    record = make_recorder(scientific={"init": ("teacher",), "alpha": (1.0, 0.2)}).read()
    assert factors(record) == {"alpha": (1.0, 0.2)}
    assert list(cells(record).columns) == ["alpha"]


def test_a_factor_that_no_arm_has_an_effect_of_is_none(make_recorder: Any) -> None:
    """On labels alone there is no temperature, whatever was planned of it."""
    recorder = make_recorder(
        scientific={"init": ("random", "teacher"), "alpha": (1.0,), "temperature": (1.0, 4.0)}
    )
    assert factors(recorder.read()) == {"init": ("random", "teacher")}


def test_a_study_of_one_arm_has_no_factor(make_recorder: Any) -> None:
    recorder = make_recorder()
    recorder.trial(0, 0, 0.5)
    recorder.trial(0, 0, 0.5, seed=1, test=0.4)
    record = recorder.read()
    assert (record.arms, factors(record), cells(record).shape) == (("all",), {}, (1, 0))
    assert list(confirmed(record).columns) == ["arm", "seed", "language", "value"]


@pytest.mark.parametrize("trials", [False, True])
def test_a_factor_has_no_level_where_it_has_no_effect(make_recorder: Any, trials: bool) -> None:
    """Known of an arm by its trials, and before it has one by its name."""
    recorder = make_recorder(
        scientific={
            "alpha": (1.0, 0.5),
            "temperature": (1.0, 4.0),
            "data_fraction": (0.1, 1.0),
            "teacher_data": ("full", "same"),
        }
    )
    if trials:
        for arm in range(len(recorder.plan.arms())):
            recorder.trial(arm, 0, 0.5)
    record = recorder.read()
    assert factors(record)["teacher_data"] == ("full", "same")
    assert factors(record)["temperature"] == (1.0, 4.0)
    assert levels_of(record) == {arm: parse_arm(arm) for arm in record.arms}
    assert len(record.arms) == 3 * 3
    assert cells(record).loc["alpha=1.0 data_fraction=1.0"].isna().to_list() == [False, True, False, True]


def test_arms_have_their_levels_without_runs_of_their_own(make_recorder: Any) -> None:
    recorder = make_recorder(scientific={"alpha": (1.0, 0.5), "temperature": (1.0, 4.0)})
    for arm in range(3):
        recorder.trial(arm, 0, 0.5)
    planned, client = recorder.read(), recorder.tracker.runs.client
    for run in [recorder.tracker.study_run, *recorder.tracker.arm_runs.values()]:
        client.delete_run(run)
    record = recorder.read()
    pd.testing.assert_frame_equal(cells(record), cells(planned))
    assert factors(record) == factors(planned)


def test_teachers_of_several_seeds_are_a_factor(make_recorder: Any) -> None:
    recorder = make_recorder(scientific={"init": ("random", "teacher"), "teacher_seed": (0, 1, 2)})
    for arm in range(6):
        recorder.trial(arm, 0, 0.5)
        for seed in (1, 2):
            recorder.trial(arm, 0, 0.5, seed=seed, test=0.4 + arm / 100)
    record = recorder.read()
    assert factors(record) == {"init": ("random", "teacher"), "teacher_seed": (0, 1, 2)}
    assert "teacher_seed" not in record.fixed
    results = confirmed(record)
    assert results.groupby(["init", "teacher_seed"])["seed"].nunique().to_list() == [2] * 6


@pytest.mark.parametrize(
    ("scientific", "fixed", "differ"),
    [
        ({"init": ("random", "teacher")}, {}, False),
        ({"teacher_seed": (0, 1)}, {}, True),
        ({"max_length": (16, 32)}, {}, True),
        ({"data_fraction": (0.1, 1.0)}, {"teacher_data": "full"}, False),
        ({"data_fraction": (0.1, 1.0)}, {"teacher_data": "same"}, True),
        ({"data_fraction": (0.1, 0.2), "teacher_data": ("full", "same")}, {}, True),
        ({"init": ("random", "teacher")}, {"teacher_data": "same", "data_fraction": 0.1}, False),
    ],
)
def test_arms_with_different_teachers_are_known(
    make_recorder: Any, scientific: dict[str, Any], fixed: dict[str, Any], differ: bool
) -> None:
    recorder = make_recorder(scientific=scientific, fixed=fixed)
    recorder.arms_alike()
    assert teachers_differ(recorder.read()) is differ


def test_a_tuned_recipe_of_the_teacher_may_make_teachers_differ(make_recorder: Any) -> None:
    nuisance = {"teacher_seed": (0, 1, 2)}
    for values in ((1, 1), (1, 2)):
        recorder = make_recorder(str(values), scientific={"init": ("random", "teacher")}, nuisance=nuisance)
        for arm, value in enumerate(values):
            recorder.trial(arm, 0, 0.5, teacher_seed=value)
            recorder.trial(arm, 0, 0.5, seed=1, test=0.5, teacher_seed=value)
        assert teachers_differ(recorder.read()) is (values == (1, 2))


def test_results_are_a_row_by_arm_seed_and_language(finished: Any) -> None:
    results = confirmed(finished.read())
    assert list(results.columns) == ["arm", "init", "seed", "language", "value"]
    assert len(results) == 2 * 2 * 4
    assert list(results["arm"].unique()) == ["init=random", "init=teacher"]
    assert list(results["language"].unique()) == ["deu", "macro", "worst", "yor"]
    row = results.set_index(["init", "seed", "language"])["value"]
    assert row["teacher", 2, "macro"] == pytest.approx(0.57)
    validation = confirmed(finished.read(), "validation", "macro_f1").set_index(["init", "seed", "language"])
    assert validation.loc[("random", 1, "worst"), "value"] == pytest.approx(0.35)


def test_only_complete_confirm_runs_are_results(recorder: Any) -> None:
    recorder.trial(0, 0, 0.5)
    complete = recorder.trial(0, 0, 0.5, seed=1, test=0.4)
    recorder.trial(0, 0, None, "diverged", seed=2)
    recorder.trial(0, 0, 0.5, "failed", seed=3)
    recorder.trial(0, 0, 0.5, None, seed=4)
    record = recorder.read()
    assert list(confirmed_trials(record)["key"]) == [complete]
    assert len(confirm_runs(record)) == 4
    assert set(confirmed(record)["seed"]) == {1}
    assert set(confirmed(record, "validation")["seed"]) == {1}


def test_confirm_runs_of_a_former_best_are_left_out(recorder: Any) -> None:
    recorder.trial(0, 0, 0.4)
    recorder.trial(0, 0, 0.4, seed=1, test=0.9)
    recorder.trial(0, 1, 0.5)
    assert len(confirmed(recorder.read())) == 0  # its own are still to come
    recorder.trial(0, 1, 0.5, seed=1, test=0.3)
    results = confirmed(recorder.read()).set_index(["seed", "language"])["value"]
    assert results[1, "deu"] == 0.3
    assert len(results) == 4


def test_confirm_runs_without_a_search_count_if_they_agree(recorder: Any) -> None:
    recorder.trial(0, 0, 0.5, seed=1, test=0.4)
    recorder.trial(0, 0, 0.5, seed=2, test=0.4)
    recorder.trial(1, 0, 0.5, seed=1, test=0.4)
    recorder.trial(1, 1, 0.5, seed=2, test=0.4)
    results = confirmed(recorder.read())
    assert set(results["arm"]) == {"init=random"}
    assert set(results["seed"]) == {1, 2}
