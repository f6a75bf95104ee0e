"""PED-ANOVA on the record: it finds what mattered, and says nothing where there is nothing to say."""

from __future__ import annotations

import logging
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
import pytest

from analysis.record.domain import Domain
from analysis.search.importance import importance

ROOT = Path(__file__).parents[3]
NUISANCE = {
    "learning_rate": Domain(1e-5, 1e-2, log=True),
    "warmup": Domain(0.0, 0.3),
    "batch_size": Domain(levels=(16, 32, 64)),
}


def trials(n: int, arm: str = "a", seed: int = 0) -> pd.DataFrame:
    """Search trials whose score hangs on the learning rate alone, best at 1e-3."""
    rng = np.random.default_rng(seed)
    rates = 10 ** rng.uniform(-5, -2, n)
    columns = {
        "arm": arm,
        "outcome": "complete",
        "value": 0.8 - 0.1 * np.abs(np.log10(rates) + 3),
        "learning_rate": [repr(float(rate)) for rate in rates],
        "warmup": [repr(float(share)) for share in rng.uniform(0, 0.3, n)],
        "batch_size": [str(size) for size in rng.choice([16, 32, 64], n)],
    }
    return pd.DataFrame(columns)


def of(table: pd.DataFrame) -> dict[str, float]:
    return table.set_index("hyperparameter")["importance"].to_dict()


def test_what_decides_the_score_is_the_most_important() -> None:
    table = importance(trials(80), NUISANCE)
    assert list(table.columns) == ["arm", "hyperparameter", "importance", "trials"]
    assert list(table["hyperparameter"]) == list(NUISANCE)
    assert of(table)["learning_rate"] > 0.7
    assert table["importance"].sum() == pytest.approx(1)
    assert set(table["trials"]) == {80}


def test_it_is_optunas_number() -> None:
    """Of a study with the same trials, made by hand; 10% of 80 trials are the best 8."""
    table = trials(80)
    study = optuna.create_study(direction="maximize")
    distributions = {
        "learning_rate": optuna.distributions.FloatDistribution(1e-5, 1e-2, log=True),
        "warmup": optuna.distributions.FloatDistribution(0.0, 0.3),
        "batch_size": optuna.distributions.CategoricalDistribution((16, 32, 64)),
    }
    for row in table.itertuples():
        params = {"learning_rate": float(row.learning_rate), "warmup": float(row.warmup)}
        params |= {"batch_size": int(row.batch_size)}
        trial = optuna.create_trial(params=params, distributions=distributions, value=row.value)
        study.add_trial(trial)
    evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=0.1)
    expected = optuna.importance.get_param_importances(study, evaluator=evaluator)
    assert of(importance(table, NUISANCE)) == pytest.approx(expected)


def test_every_arm_has_importances_of_its_own() -> None:
    fewer = trials(9, "b")
    table = importance(pd.concat([trials(20), fewer], ignore_index=True), NUISANCE)
    assert list(table["arm"]) == ["a"] * 3 + ["b"] * 3
    assert table.loc[table["arm"] == "a", "importance"].notna().all()
    assert table.loc[table["arm"] == "b", "importance"].isna().all()
    assert set(table.loc[table["arm"] == "b", "trials"]) == {9}


def test_trials_that_did_not_complete_do_not_count() -> None:
    table = trials(30)
    spoilt = trials(30, seed=1).assign(outcome="diverged", value=np.nan)
    spoilt.loc[:9, ["outcome", "value"]] = ["pruned", 0.99]
    both = pd.concat([table, spoilt], ignore_index=True)
    pd.testing.assert_frame_equal(importance(both, NUISANCE), importance(table, NUISANCE))


def test_a_constant_has_no_importance() -> None:
    found = of(importance(trials(30).assign(warmup="0.1"), NUISANCE))
    assert np.isnan(found["warmup"])
    assert found["learning_rate"] + found["batch_size"] == pytest.approx(1)


def test_of_one_hyperparameter_the_share_would_say_nothing() -> None:
    alone = {"warmup": NUISANCE["warmup"]}
    assert importance(trials(30), alone)["importance"].isna().all()


def test_where_all_scored_alike_nothing_was_important() -> None:
    assert importance(trials(30).assign(value=0.5), NUISANCE)["importance"].isna().all()


def test_a_hyperparameter_without_effect_in_some_trials_counts_where_it_has_one() -> None:
    table = trials(60)
    table.loc[::2, "warmup"] = None
    found = of(importance(table, NUISANCE))
    assert sum(found.values()) == pytest.approx(1)
    assert found["learning_rate"] == max(found.values())


def test_a_hyperparameter_that_no_trial_says_is_missing() -> None:
    found = of(importance(trials(30).drop(columns="warmup"), NUISANCE))
    assert np.isnan(found["warmup"])


def test_levels_that_the_record_does_not_hold_are_those_that_were_tried() -> None:
    unknown = NUISANCE | {"batch_size": Domain()}
    pd.testing.assert_frame_equal(importance(trials(30), unknown), importance(trials(30), NUISANCE))


def test_a_range_whose_ends_the_record_rounded_holds_what_was_tried() -> None:
    narrow = NUISANCE | {"warmup": Domain(0.01, 0.29)}
    assert importance(trials(60), narrow)["importance"].notna().all()


def test_nothing_is_said_and_optuna_speaks_again_after(caplog: pytest.LogCaptureFixture) -> None:
    before = optuna.logging.get_verbosity()
    optuna.logging.enable_propagation()
    try:
        with caplog.at_level(logging.DEBUG), warnings.catch_warnings():
            warnings.simplefilter("error")
            importance(trials(12), NUISANCE)
    finally:
        optuna.logging.disable_propagation()
    assert caplog.records == []
    assert optuna.logging.get_verbosity() == before


def test_without_trials_the_table_is_empty() -> None:
    assert len(importance(trials(0), NUISANCE)) == 0


@pytest.mark.processes
def test_optuna_is_not_imported_for_nothing() -> None:
    code = "import sys, analysis.search.importance; sys.exit('optuna' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
