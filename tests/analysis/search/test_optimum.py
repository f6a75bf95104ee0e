"""How far the selected values of an arm may lie below its best values."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from analysis.record.domain import Domain
from analysis.search.curves import CURVE_COLUMNS, search_curves
from analysis.search.optimum import noises, searched, shortfall, shortfalls
from analysis.search.response import Response
from tests.analysis.invented import invented_study

ALONG = np.linspace(0, 6.9, 48)[:, None]
BOTH = {"init": ("random", "teacher")}


def lost(at: float, trials: int = 8, noise: float = 0.003, width: float = 2.0) -> float:
    """The mean shortfall of a selected point, of a parabola with its best at 3."""
    tried = np.linspace(0.4, 6.5, trials)[:, None]
    scores = 0.5 - 0.02 * ((tried[:, 0] - 3) / width) ** 2
    return shortfall(Response(tried, scores, noise), np.array([[at]]), ALONG).mean


def test_a_point_off_the_best_has_the_larger_shortfall() -> None:
    assert 0 < lost(3.0) < lost(4.5) < lost(6.0)
    assert lost(6.0) == pytest.approx(0.02 * 1.5**2, abs=0.01)


def test_few_noisy_trials_of_a_narrow_optimum_leave_more_to_tuning() -> None:
    assert lost(3.0, trials=16) < lost(3.0, trials=4)
    assert lost(3.0, noise=0.003) < lost(3.0, noise=0.02)
    assert lost(3.0, width=4.0) < lost(3.0, width=0.7)


def test_every_arm_that_was_tuned_has_a_shortfall_from_its_own_search() -> None:
    study = invented_study(BOTH, search=8)
    found = shortfalls(study)
    assert list(found) == ["init=random", "init=teacher"]
    assert all(0 < each.mean < 0.1 and each.sd > 0 for each in found.values())
    assert found == shortfalls(study)
    few = shortfalls(invented_study(BOTH, search=2))
    assert all(few[arm].mean > found[arm].mean for arm in found)


def test_the_noise_of_an_arm_is_the_spread_over_its_own_confirm_seeds() -> None:
    study = invented_study(BOTH, search=4)
    rows = study.scores.query("phase == 'confirm' and split == 'validation' and metric == 'accuracy'")
    own = rows[(rows["language"] == "macro") & (rows["arm"] == "init=random")]["value"]
    found = noises(study)
    assert found["init=random"] == pytest.approx(own.std())
    assert found[""] == pytest.approx(np.median([found["init=random"], found["init=teacher"]]))


def test_a_study_that_tuned_nothing_has_no_shortfall() -> None:
    study = invented_study(BOTH, search=4)
    assert shortfalls(dataclasses.replace(study, nuisance={})) == {}
    held = {"learning_rate": Domain(levels=(0.0003,))}
    assert shortfalls(dataclasses.replace(study, nuisance=held)) == {}


def test_a_diverged_trial_counts_as_the_lowest_and_a_pruned_one_is_left_out() -> None:
    study = invented_study(BOTH, search=8)
    (random, teacher) = searched(study)
    assert (random.trials["outcome"] == "diverged").sum() == 1
    assert random.response.scores.min() == random.trials["value"].min()
    assert "pruned" not in set(random.trials["outcome"]) | set(teacher.trials["outcome"])


def test_the_picture_of_a_search_has_its_points_its_curve_and_the_selected_point() -> None:
    study = invented_study(BOTH, search=8)
    curves = search_curves(study)
    assert list(curves.columns) == CURVE_COLUMNS
    counts = curves[curves["arm"] == "init=random"]["what"].value_counts()
    assert counts["tried"] == 5  # of eight trials two were pruned and one diverged
    assert counts["diverged"] == counts["selected"] == 1
    fit = curves[(curves["arm"] == "init=teacher") & (curves["what"] == "fit")]
    assert fit["x"].iloc[[0, -1]].tolist() == pytest.approx([5e-5, 3e-3])
    assert (fit["low"] <= fit["value"]).all()
    selected = curves[curves["what"] == "selected"]
    assert (selected["high"] > selected["value"]).all()
    assert selected["x"].tolist() == [study.selected[arm, 0]["learning_rate"] for arm in study.arms]
    assert search_curves(dataclasses.replace(study, nuisance={})).empty
