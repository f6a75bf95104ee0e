"""The sweep of a record: which trials count, what a share of the data is, what has no effect."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.record.study_record import StudyRecord
from analysis.sweep.predicted import predicted_text
from analysis.sweep.swept import Sweep
from tests.analysis.planted_sweep import FACTORS, LINK, planted, record_of


@pytest.fixture(scope="module")
def record() -> StudyRecord:
    return record_of(*planted(LINK, 128, np.random.default_rng(0)))


@pytest.fixture(scope="module")
def sweep(record: StudyRecord) -> Sweep:
    return Sweep(record)


def test_factors_and_scores_are_those_of_the_record(sweep: Sweep) -> None:
    assert sweep.factors == FACTORS
    assert sweep.scores == ["macro", "worst", "deu", "swh", "yor"]
    assert len(sweep.trials) == 128
    assert sweep.by == "init"
    assert set(sweep.strongest) == {factor.name for factor in FACTORS[:-1]}


def test_trials_at_chance_and_trials_without_a_score_are_left_out(record: StudyRecord) -> None:
    scores = record.scores.copy()
    first, second = record.trials["key"][:2]
    scores.loc[(scores["key"] == first) & (scores["language"] == "macro"), "value"] = 0.105
    trials = record.trials.copy()
    trials.loc[1, "outcome"] = "diverged"
    sweep = Sweep(dataclasses.replace(record, trials=trials, scores=scores))
    assert list(sweep.scored.index[sweep.at_chance]) == [first]
    assert {first, second}.isdisjoint(sweep.trials.index)
    assert len(sweep.trials) == 126


def test_without_a_chance_on_record_no_trial_is_at_chance(record: StudyRecord) -> None:
    assert not Sweep(dataclasses.replace(record, tags={})).at_chance.any()


def test_a_data_fraction_counts_as_the_share_that_it_came_to(record: StudyRecord) -> None:
    shares = record.trials["data_fraction"].astype(float).clip(lower=0.05)
    trials = record.trials.assign(data_share=shares.where(shares < 1))
    sweep = Sweep(dataclasses.replace(record, trials=trials))
    data = next(factor for factor in sweep.factors if factor.name == "data_fraction")
    assert [data.low, data.high] == pytest.approx([0.05, 1.0])
    assert min(sweep.trials["data_fraction"]) == pytest.approx(0.05)


def test_a_value_without_effect_is_missing_and_predicts_nothing(record: StudyRecord) -> None:
    """At alpha 1 the temperature has no effect: every temperature has the same prediction."""
    levels: Any = {"alpha": [str(level) for level in np.tile([0.0, 0.5, 1.0], 43)[:128]]}
    trials = record.trials.assign(**levels)
    trials["temperature"] = trials["temperature"].where(trials["alpha"] != "1.0", None)
    domain = dataclasses.replace(record.varied["alpha"], low=None, high=None, levels=(0.0, 0.5, 1.0))
    sweep = Sweep(dataclasses.replace(record, trials=trials, varied=record.varied | {"alpha": domain}))
    assert sweep.model is not None

    def at(alpha: float, heat: float) -> Any:
        return sweep.population.at({"alpha": alpha, "temperature": heat})

    assert np.array_equal(at(1.0, 1.0), at(1.0, 8.0))
    assert not np.array_equal(at(0.5, 1.0), at(0.5, 8.0))


def test_names_of_lists_of_languages_decide_nothing(record: StudyRecord) -> None:
    """A configuration takes no name such as half:1, and a record has names."""
    fixed = record.fixed | {"train_languages": "half:1", "teacher_languages": "but:deu"}
    sweep = Sweep(dataclasses.replace(record, fixed=fixed))
    assert sweep.effects.equals(Sweep(record).effects)


def test_too_few_trials_have_no_model(record: StudyRecord) -> None:
    sweep = Sweep(dataclasses.replace(record, trials=record.trials.head(5)))
    assert sweep.model is None
    assert sweep.fewest > 5


def test_a_prediction_names_what_it_is_averaged_over_and_its_intervals(sweep: Sweep) -> None:
    text = predicted_text(sweep, ["init=teacher,depth=4", "data_fraction=0.05"])
    assert text.startswith(
        "predicted at init teacher, depth 4, data_fraction 0.05, averaged over alpha, temperature, "
        "at the best learning_rate "
    )
    assert "95% interval" in text
    assert "one new run" in text


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("depth", "depth: must be key=value with one of init, depth, alpha"),
        ("size=3", "size=3: must be key=value with one of init, depth, alpha"),
        ("init=none", "init: none is none of random, base, teacher"),
        ("depth=9", "depth: 9 is none of 2, 3, 5"),
        ("alpha=1.5", "alpha: 1.5 is outside 0 to 1, and nothing is predicted there"),
        ("alpha=high", "alpha: high is outside 0 to 1"),
    ],
)
def test_nothing_is_predicted_outside_of_what_was_varied(sweep: Sweep, setting: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        predicted_text(sweep, [setting])


def test_curves_have_a_band_and_pass_through_the_planted_scores(sweep: Sweep) -> None:
    curves = sweep.curves
    assert (curves["low"] < curves["mean"]).all()
    assert (curves["mean"] < curves["high"]).all()
    assert set(curves["factor"]) == {factor.name for factor in FACTORS[:-1]}
    by = sweep.curves_by
    assert set(by["line"]) == {"random", "base", "teacher"}
    assert "init" not in set(by["factor"])


def test_predictions_are_at_settings_of_the_strongest_factors(sweep: Sweep) -> None:
    found = sweep.predictions
    assert set(found["init"]) == {"random", "base", "teacher"}
    amounts = [name for name in sweep.strongest if name != "init"][:2]
    for name in amounts:
        assert found[name].nunique() == 3
    held = pd.DataFrame(found).nunique()
    assert all(held[factor.name] == 1 for factor in FACTORS[1:-1] if factor.name not in amounts)
