"""The numbers that MLflow's runs of arms and of the study show are those of the report, to the last digit."""

from __future__ import annotations

import dataclasses

import pytest
from mlflow.utils.validation import validate_param_and_metric_name

from analysis.record.design import confirmed
from analysis.statistics.effects.estimates import MAGNITUDE, THESE_LANGUAGES
from analysis.statistics.effects.means import arm_means
from analysis.verdict.published import numbers_of_arms, numbers_of_study
from analysis.verdict.results import Results
from analysis.verdict.summary import arms_summary, languages_summary
from tests.analysis.invented import invented_study
from tests.analysis.spaces import CLAIM


@pytest.fixture(scope="module")
def results() -> Results:
    return Results(invented_study(CLAIM, search=2))


def test_means_are_those_of_the_table_of_arms(results: Results) -> None:
    found = numbers_of_arms(results)
    for row in arms_summary(results.record).to_dict("records"):
        of_arm = found[row["arm"]]
        assert of_arm["test/accuracy/macro"] == row["test macro"]
        assert of_arm["test/accuracy_sd/macro"] == row["sd"]
        assert of_arm["test/accuracy/worst"] == row["test worst"]
        assert of_arm["test/retention/macro"] == row["test retention"]


def test_languages_are_those_of_the_table_of_languages(results: Results) -> None:
    found = numbers_of_arms(results)
    for metric in ("accuracy", "macro_f1", "retention"):
        table = languages_summary(results.record, "test", metric)
        for arm in table.columns:
            for name, value in table[arm].items():
                assert found[arm][f"test/{metric}/{name}"] == pytest.approx(value, rel=1e-15)


def test_intervals_are_those_of_the_table_for_a_paper(results: Results) -> None:
    found = numbers_of_arms(results)
    for row in arm_means(confirmed(results.record), results.correct).itertuples():
        ends = (found[row.arm]["test/accuracy_low/macro"], found[row.arm]["test/accuracy_high/macro"])
        assert ends == (row.low, row.high)
    for of_arm in found.values():
        for language in results.languages:
            low, mean, high = (of_arm[f"test/accuracy{end}/{language}"] for end in ("_low", "", "_high"))
            assert low <= mean <= high


def test_effects_are_those_of_the_tables_of_effects(results: Results) -> None:
    found = numbers_of_study(results)
    claim = results.claim[results.claim["estimand"] == THESE_LANGUAGES].set_index("effect")
    of_claim = claim.loc[MAGNITUDE]
    assert [found[f"{kind}/C1"] for kind in ("effect", "effect_low", "effect_high")] == [
        of_claim["estimate"],
        of_claim["low"],
        of_claim["high"],
    ]
    main = results.effects[(results.effects["kind"] == "main") & (results.effects["outcome"] == "macro")]
    main = main[main["estimand"] == THESE_LANGUAGES].set_index("effect")
    for effect, row in main.iterrows():
        assert found[f"effect/{effect}"] == row["estimate"]


def test_mlflow_takes_every_name(results: Results) -> None:
    names = {name for of in numbers_of_arms(results).values() for name in of} | numbers_of_study(
        results
    ).keys()
    for name in names:
        validate_param_and_metric_name(name)


def test_a_study_with_findings_shows_no_effect(results: Results) -> None:
    partial = Results(dataclasses.replace(results.record, partial=True))
    assert partial.findings
    assert numbers_of_study(partial) == {}
    assert numbers_of_arms(partial) == numbers_of_arms(results)
