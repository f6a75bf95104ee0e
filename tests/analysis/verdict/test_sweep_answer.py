"""The answer of a sweep: the strongest effect first, what is not shown, pairs, claim C4, and the caveats."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from analysis.record.study_record import StudyRecord
from analysis.verdict.answer import answer
from analysis.verdict.audit import audit
from analysis.verdict.emphasis import emphasised
from analysis.verdict.published import numbers_of_study
from analysis.verdict.results import Results
from analysis.verdict.settings import settings
from tests.analysis.planted_sweep import NOTHING, SATURATING, planted, record_of


def record(truth: Any = SATURATING, trials: int = 128, **more: Any) -> StudyRecord:
    return record_of(*planted(truth, trials, np.random.default_rng(0)), **more)


@pytest.fixture(scope="module")
def results() -> Results:
    return Results(record())


def test_the_first_sentence_is_the_strongest_effect_in_bold(results: Results) -> None:
    first, *_ = answer(results)
    kind, text = emphasised(first)[0]
    assert kind == "strong"
    assert text.startswith("data_fraction from 0.02 to 1: +")
    assert "points of macro validation accuracy (95% interval " in text
    assert "not shown" not in text


def test_every_factor_has_its_number_and_a_weak_one_is_not_shown(results: Results) -> None:
    first, *_ = answer(results)
    shown, _, rest = first.partition("Signs that are not shown after Holm's correction: ")
    for factor in ("init from random to teacher", "depth from 2 to 5"):
        assert f"{factor}: +" in shown
    for factor in ("alpha from 0 to 1", "temperature from 1 to 8"):
        assert f"{factor} " in rest
    assert "learning_rate from" not in first


def test_pairs_and_claim_c4_have_their_sentences(results: Results) -> None:
    _, *others, scope = answer(results)
    pairs, c4 = others
    assert pairs.startswith("Factors that work together: the effect of init is ")
    assert "at data_fraction 0.02 and " in pairs
    assert c4.startswith(
        "Claim C4: the advantage of weights copied from the teacher over random weights changes by +"
    )
    assert scope.startswith(
        "Scope: each effect is averaged over all values of the other factors, at the best learning"
    )
    assert "for this teacher, which saw all data, on the validation texts of these 3 languages" in scope


def test_where_nothing_acts_no_sign_and_no_pair_is_shown() -> None:
    first, pairs, c4, _ = answer(Results(record(NOTHING)))
    assert first.startswith(
        "**No factor is shown to change macro validation accuracy.** Signs that are not shown"
    )
    assert first.count("; ") == 4
    assert pairs == "No pair of factors is shown to work together (Holm's correction for 10 pairs)."
    assert c4.endswith("its sign is not shown.")


def test_few_trials_have_effects_and_no_pairs_and_fewer_have_no_answer() -> None:
    _, pairs, *_ = answer(Results(record(trials=32)))
    assert pairs == "32 trials are too few to show which factors work together; that takes 58 trials."
    (only,) = answer(Results(record(trials=8)))
    assert only == (
        "There is no answer yet: 8 trials have a score above chance, and the simplest model of 6 "
        "hyperparameters needs 14."
    )


def test_an_unfinished_sweep_claims_no_effect() -> None:
    unfinished = Results(record(partial=True))
    assert answer(unfinished) == ["No effect is claimed: the audit has 1 finding, listed below."]
    assert [finding.rule for finding in unfinished.findings] == ["partial"]


def test_a_whole_sweep_has_no_finding_though_it_confirms_nothing() -> None:
    assert audit(record()) == []


def test_students_at_chance_are_a_caveat_with_their_learning_rates() -> None:
    values, scores = planted(SATURATING, 64, np.random.default_rng(0))
    scores[:3] = 0.1
    (first, *_) = Results(record_of(values, scores)).caveats
    assert first.startswith("3 of 64 students learned nothing: they ended at chance (")
    assert "with init " in first
    assert "learning_rate " in first


def test_diverged_trials_and_a_sampler_that_goes_where_scores_are_high_are_caveats() -> None:
    one = record()
    trials = one.trials.copy()
    trials.loc[:1, "outcome"] = "diverged"
    changed = dataclasses.replace(one, trials=trials, facts=one.facts | {"sampler": "tpe"})
    told = Results(changed).caveats
    assert "Trials without a score are in no effect: 2 diverged of 128." in told
    assert any(text.startswith("The points were not spread evenly (sampler tpe)") for text in told)


def test_the_caveats_name_texts_and_the_teacher(results: Results) -> None:
    told = " ".join(results.caveats)
    assert "not over texts" in told
    assert "There is one teacher." in told
    assert "the teacher saw all training data, its students a share" in told


def test_the_settings_say_what_was_varied_and_where_effects_are_read(results: Results) -> None:
    first, second, *_ = settings(results.record)
    assert first.endswith(
        "Varied: init (random, base, teacher), depth (2, 3, 5), alpha (0..1), temperature (1..8, "
        "logarithmic), data_fraction (0.02..1, logarithmic)."
    )
    assert second.startswith("Varied with them, as nuisance: learning_rate (0.0001..0.003, logarithmic).")


def test_the_runs_of_the_study_show_the_effects_unless_nothing_may_be_claimed(results: Results) -> None:
    numbers = numbers_of_study(results)
    macro = results.sweep.effects if results.sweep else None
    assert macro is not None
    row = macro[(macro["score"] == "macro") & (macro["factor"] == "data_fraction")].iloc[0]
    assert numbers["effect/data_fraction 1 - 0.02"] == row["estimate"]
    assert numbers["effect_low/init teacher - random"] < numbers["effect_high/init teacher - random"]
    assert numbers_of_study(Results(record(partial=True))) == {}
