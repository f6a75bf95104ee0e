"""What stands against naming a winner: each case is planted, and found; a fair study has none."""

from __future__ import annotations

from typing import Any

import pytest

from analysis.record.design import confirm_runs
from analysis.record.reading import read_studies
from analysis.record.study_record import StudyRecord
from analysis.verdict.audit import Finding, audit, gathered
from analysis.verdict.caveats import caveats
from analysis.verdict.settings import settings
from study.optimum import interpolate

INIT: dict[str, Any] = {"scientific": {"init": ("random", "teacher")}}


def found(record: StudyRecord) -> list[tuple[str, str | None]]:
    return [(finding.rule, finding.arm) for finding in audit(record)]


def text_of(record: StudyRecord, rule: str) -> str:
    (text,) = (finding.text for finding in audit(record) if finding.rule == rule)
    return text


def test_a_fair_study_has_nothing_against_it(recorder: Any) -> None:
    recorder.arms_alike()
    assert audit(recorder.read()) == []


def test_a_study_that_has_not_ended_names_no_winner(recorder: Any) -> None:
    recorder.arms_alike()
    recorder.tracker.pause()
    assert found(recorder.read()) == [("partial", None)]


def test_a_study_whose_own_run_is_missing_names_no_winner(recorder: Any) -> None:
    recorder.arms_alike()
    recorder.tracker.runs.client.delete_run(recorder.tracker.study_run)
    assert found(recorder.read()) == [("partial", None), ("confound", None)]


def collapsed(recorder: Any, at: dict[int, float]) -> StudyRecord:
    """Five confirm seeds in each of two arms; in the second arm seed s has the accuracy `at[s]`."""
    recorder.tracker.runs.set_tags(recorder.tracker.study_run, {"kdstudy.chance": "0.1"})
    recorder.arms_alike(seeds=())
    for arm in (0, 1):
        for seed in range(1, 6):
            test = at.get(seed, 0.4 + seed / 100) if arm else 0.3 + seed / 100
            recorder.trial(arm, 1, 0.5, seed=seed, test=test - 0.05, learning_rate=1e-3)  # macro: .05 more
    return recorder.read()


def test_runs_at_chance_beside_runs_that_learned_are_of_two_kinds(recorder: Any) -> None:
    record = collapsed(recorder, {2: 0.1, 4: 0.112})
    assert found(record) == [("kinds", "init=teacher")]
    assert text_of(record, "kinds") == (
        "2 of 5 confirm runs ended at chance (10.00): macro accuracy 10.00 to 11.20, against 41.00 to "
        "45.00 in "
        "the other runs. Runs of two kinds have no common spread, and an interval over them is too narrow"
    )


@pytest.mark.parametrize("at", [{2: 0.3}, {}, {seed: 0.1 + seed / 1000 for seed in range(1, 6)}])
def test_an_honest_spread_and_an_arm_that_is_all_at_chance_are_of_one_kind(
    recorder: Any, at: dict[int, float]
) -> None:
    assert audit(collapsed(recorder, at)) == []


def test_one_arm_has_nothing_to_win_against(make_recorder: Any) -> None:
    recorder = make_recorder()
    recorder.arms_alike()
    assert found(recorder.read()) == [("arms", None)]


@pytest.mark.parametrize("outcome", ["complete", "pruned", "diverged"])
def test_a_trial_more_in_one_arm_is_a_larger_budget_however_it_ended(recorder: Any, outcome: str) -> None:
    recorder.arms_alike()
    recorder.trial(1, 5, 0.2, outcome)
    record = recorder.read()
    assert found(record) == [("budget", "init=random")]
    assert text_of(record, "budget").startswith("3 search trials ended in this arm, 4 in another arm")


def test_a_trial_that_failed_tuned_nothing(recorder: Any) -> None:
    """Both arms have four, of which one failed in the first arm and in the second none."""
    recorder.arms_alike()
    recorder.trial(0, 5, None, "failed")
    assert audit(recorder.read()) == []
    recorder.trial(1, 5, 0.2)
    record = recorder.read()
    assert found(record) == [("budget", "init=random")]
    assert text_of(record, "budget") == (
        "3 search trials ended in this arm, 4 in another arm: the tuning is unequal (1 failed)"
    )
    said = "init=random: 1 of 4 search trials failed. They show nothing about their values."
    assert [text for text in caveats(record) if "search trials failed" in text] == [said]


def test_a_point_that_failed_was_not_tried(make_recorder: Any) -> None:
    """Of a grid of three points one failed, so the arm is not as well tuned as it can be."""
    recorder = make_recorder(
        scientific={"alpha": (1.0, 0.5)},
        nuisance={"learning_rate": (1e-4, 1e-3, 1e-2), "temperature": (1.0, 2.0)},
        sampler="grid",
        trials=6,
    )
    for arm, chosen in enumerate(recorder.plan.arms()):
        for number, point in enumerate(recorder.plan.points(chosen)):
            lost = point == {"learning_rate": 1e-2}
            recorder.trial(arm, number, None if lost else 0.5, "failed" if lost else "complete", **point)
    assert ("budget", "alpha=1.0") in found(recorder.read())


def test_a_trial_that_still_runs_is_no_spent_budget(recorder: Any) -> None:
    recorder.arms_alike()
    recorder.trial(1, 5, 0.2, None)
    assert audit(recorder.read()) == []


def test_an_arm_that_has_tried_all_its_points_was_tuned_as_well_as_can_be(make_recorder: Any) -> None:
    """On labels alone the temperature has no effect, so its grid is smaller."""
    recorder = make_recorder(
        scientific={"alpha": (1.0, 0.5)},
        nuisance={"learning_rate": (1e-4, 1e-3, 1e-2), "temperature": (1.0, 2.0, 4.0)},
        sampler="grid",
        trials=9,
    )
    recorder.teacher(0.8)
    for arm, chosen in enumerate(recorder.plan.arms()):
        for number, point in enumerate(recorder.plan.points(chosen)):
            best = point["learning_rate"] == 1e-3 and point.get("temperature", 2.0) == 2.0
            recorder.trial(arm, number, 0.6 if best else 0.5, **point)
        for seed in (1, 2, 3):
            recorder.trial(arm, 0, 0.6, seed=seed, test=0.5, learning_rate=1e-3, temperature=2.0)
    recorder.tracker.finish()
    record = recorder.read()
    assert record.trials[record.trials["phase"] == "search"]["arm"].value_counts().to_list() == [9, 3]
    assert audit(record) == []
    run = record.trials[(record.trials["phase"] == "search") & (record.trials["learning_rate"] == "0.01")][
        "run"
    ]
    recorder.tracker.runs.client.delete_run(run.iloc[0])
    assert found(recorder.read()) == [("budget", "alpha=1.0")]


@pytest.mark.parametrize(
    ("scientific", "fixed", "nuisance", "counts"),
    [
        # with mse there is no temperature: 3 at kl, 1 at mse
        ({"alpha": (0.5, 0.2)}, {}, {"loss": ("kl", "mse"), "temperature": (1.0, 2.0, 4.0)}, [4, 4]),
        # and at alpha 1 neither
        ({"alpha": (1.0, 0.5)}, {}, {"loss": ("kl", "mse"), "temperature": (1.0, 2.0, 4.0)}, [4, 1]),
        # a random student copies no layers
        ({"depth": (3, 2)}, {}, {"init": ("random", "teacher"), "layer_map": ("uniform", "first")}, [3, 3]),
        ({"init": ("random", "teacher")}, {}, {"layer_map": ("uniform", "first")}, [2, 1]),
    ],
)
def test_points_that_differ_in_what_has_no_effect_are_one(
    make_recorder: Any, scientific: Any, fixed: Any, nuisance: Any, counts: list[int]
) -> None:
    fixed = {"learning_rate": 1e-3} | fixed
    recorder = make_recorder(scientific=scientific, nuisance=nuisance, fixed=fixed, sampler="grid", trials=9)
    recorder.teacher(0.8)
    for arm, chosen in enumerate(recorder.plan.arms()):
        for number, point in enumerate(recorder.plan.points(chosen)):
            recorder.trial(arm, number, 0.5, **(point or {"seed": 0}))
    record = recorder.read()
    search = record.trials[record.trials["phase"] == "search"]
    assert sorted(search["arm"].value_counts(), reverse=True) == counts
    assert "budget" not in {rule for rule, _ in found(record)}
    assert not any("tune little" in text for text in caveats(record))
    largest = search["arm"].value_counts().index[0]
    recorder.tracker.runs.client.delete_run(search[search["arm"] == largest]["run"].iloc[0])
    assert any("tune little" in text for text in caveats(recorder.read()))


@pytest.mark.parametrize(
    ("rate", "end"),
    [(1e-4, "lower end"), (1.25e-4, "lower end"), (1.27e-4, None), (7.9e-3, None), (8e-3, "upper end")],
)
def test_a_best_at_the_edge_of_its_range_may_have_a_better_one_beyond(
    recorder: Any, rate: float, end: str | None
) -> None:
    """Within a twentieth of 1e-4..1e-2, in the logarithm: 10 ** (2 / 20) is 1.259."""
    recorder.arms_alike(learning_rate=rate)
    record = recorder.read()
    edges = [("edge", arm) for arm in record.arms] if end else []
    assert found(record) == edges
    if end:
        assert (
            f"learning_rate was selected at the {end} of 0.0001..0.01, logarithmic" in audit(record)[0].text
        )


@pytest.mark.parametrize(
    ("levels", "rules"),
    [
        ((1e-4, 1e-3, 1e-2), []),
        ((1e-3, 1e-4, 1e-2), []),  # in whatever order they are given
        ((1e-3, 2e-3, 3e-3), ["edge", "edge"]),
        ((1e-5, 1e-4, 1e-3), ["edge", "edge"]),
        ((1e-3, 2e-3), ["edge", "edge"]),  # of two both are ends
        ((1e-3,), []),  # held
    ],
)
def test_a_best_at_the_end_of_a_grid_is_one_as_well(
    make_recorder: Any, levels: tuple[float, ...], rules: list[str]
) -> None:
    recorder = make_recorder(**INIT, nuisance={"learning_rate": levels})
    recorder.arms_alike(learning_rate=1e-3)
    record = recorder.read()
    assert [finding.rule for finding in audit(record)] == rules


def test_a_grid_of_words_has_no_end(make_recorder: Any) -> None:
    recorder = make_recorder(**INIT, nuisance={"loss": ("kl", "mse", "other")}, fixed={"learning_rate": 1e-3})
    recorder.teacher(0.8)
    for arm in (0, 1):
        recorder.trial(arm, 0, 0.5, loss="other")
        for seed in (1, 2, 3):
            recorder.trial(arm, 0, 0.5, seed=seed, test=0.4, loss="other")
    recorder.tracker.finish()
    assert audit(recorder.read()) == []


@pytest.mark.parametrize(
    ("name", "domain", "value", "natural"),
    [
        ("warmup", {"low": 0.0, "high": 0.3}, 0.01, True),
        ("warmup", {"low": 0.0, "high": 0.3}, 0.3, False),
        ("warmup", {"low": 0.1, "high": 0.3}, 0.1, False),
        ("alpha", {"low": 0.0, "high": 1.0}, 0.99, True),
        ("alpha", (0.2, 0.5, 1.0), 1.0, True),
        ("alpha", (0.2, 0.5, 1.0), 0.2, False),
        ("alpha", (0.5, 1.0), 1.0, True),
        ("alpha", (0.5, 1.0), 0.5, False),
        ("batch_size", (16, 32, 64), 64, False),
        ("depth", (2, 4, 6), 6, True),  # the model has six
        ("depth", (2, 4, 6), 2, False),
        ("depth", (1, 2, 4), 4, False),
    ],
)
def test_an_edge_beyond_which_there_is_nothing_is_a_setting(
    make_recorder: Any, name: str, domain: Any, value: float, natural: bool
) -> None:
    recorder = make_recorder(**INIT, nuisance={name: domain}, fixed={"learning_rate": 1e-3})
    recorder.teacher(0.8)
    for arm in (0, 1):
        recorder.trial(arm, 0, 0.5, **{name: value})
        for seed in (1, 2, 3):
            recorder.trial(arm, 0, 0.5, seed=seed, test=0.4, **{name: value})
    recorder.tracker.finish()
    record = recorder.read()
    assert found(record) == ([] if natural else [("edge", arm) for arm in record.arms])
    named = [text for text in settings(record) if "The hyperparameter itself ends there" in text]
    assert len(named) == (2 if natural else 0)


def test_test_that_was_read_in_the_search_may_have_chosen(recorder: Any) -> None:
    recorder.arms_alike()
    (run,) = recorder.read().trials.query("phase == 'search' and arm == 'init=teacher'")["run"].iloc[:1]
    recorder.tracker.runs.client.log_metric(run, "test/accuracy/macro", 0.5)
    record = recorder.read()
    assert found(record) == [("selection", "init=teacher")]
    assert text_of(record, "selection").startswith("1 search trials were scored on test")


def test_values_that_validation_does_not_select_are_not_confirmed(recorder: Any) -> None:
    """Chosen by their test scores, say."""
    recorder.teacher(0.8)
    for arm, confirmed in ((0, 1), (1, 2)):
        for number, value in ((1, 0.6), (2, 0.5), (3, 0.4)):
            recorder.trial(arm, number, value)
        for seed in (1, 2, 3):
            recorder.trial(arm, confirmed, 0.5, seed=seed, test=0.5)
    recorder.tracker.finish()
    record = recorder.read()
    assert found(record) == [("selection", "init=teacher"), ("seeds", "init=teacher")]
    assert text_of(record, "selection") == "the confirmed values are not the values that validation selects"
    recorder.tracker.pause()  # a larger budget may have a new best, whose confirm runs are still to come
    assert found(recorder.read()) == [("partial", None), ("seeds", "init=teacher")]


def test_the_audit_interpolates_again_and_finds_what_was_confirmed_elsewhere(recorder: Any) -> None:
    """One arm was confirmed at its interpolated optimum, the other at its best tried point."""
    recorder.teacher(0.8)
    search = ((1, 0.50), (3, 0.60), (5, 0.56))
    tried = [{"learning_rate": 1e-4 * (number + 1)} for number, _ in search]
    optimum = interpolate(tried, [value for _, value in search], {"learning_rate": True})
    assert optimum.rule == "parabola"
    for arm, values in ((0, optimum.point), (1, tried[1])):
        for number, value in search:
            recorder.trial(arm, number, value)
        for seed in (1, 2, 3):
            recorder.trial(arm, 3, 0.5, seed=seed, test=0.5, **values)
    recorder.tracker.finish()
    record = recorder.read()
    assert found(record) == [("selection", "init=teacher"), ("seeds", "init=teacher")]
    assert record.selected == {("init=random", 0): optimum.point, ("init=teacher", 0): optimum.point}
    assert set(confirm_runs(record)["learning_rate"]) == {str(optimum.point["learning_rate"])}
    assert not any("that was tried" in text for text in caveats(record))


def test_a_study_that_selected_the_best_tried_point_is_audited_by_that_rule(make_recorder: Any) -> None:
    """A record of an older version has no rule, and its rule was the best tried point."""
    recorder = make_recorder(scientific={"init": ("random", "teacher")}, selection="best tried")
    assert "selection" not in recorder.read().facts
    recorder.teacher(0.8)
    for arm in (0, 1):
        for number, value in ((1, 0.50), (3, 0.60), (5, 0.56)):
            recorder.trial(arm, number, value)
        for seed in (1, 2, 3):
            recorder.trial(arm, 3, 0.5, seed=seed, test=0.5)
    recorder.tracker.finish()
    assert found(recorder.read()) == []


def test_each_tuning_of_an_arm_is_audited_by_its_own_search(make_recorder: Any) -> None:
    recorder = make_recorder(scientific={"init": ("random", "teacher")}, tunings=2, selection="best tried")
    recorder.teacher(0.8)
    for arm in (0, 1):
        for tuning, best in ((0, 1), (1, 2)):
            for number in (0, 1, 2, 3):
                recorder.trial(arm, number, 0.6 if number == best else 0.5, tuning=tuning)
            for seed in (1, 2, 3):
                confirmed = 1 if (arm, tuning) == (1, 1) else best
                recorder.trial(arm, confirmed, 0.5, seed=seed, test=0.5, tuning=tuning)
    recorder.tracker.finish()
    record = recorder.read()
    runs = confirm_runs(record)
    assert runs.groupby(["arm", "tuning"])["seed"].agg(list).to_dict() == {
        ("init=random", 0): ["1", "2", "3"],
        ("init=random", 1): ["1001", "1002", "1003"],
        ("init=teacher", 0): ["1", "2", "3"],
    }
    assert ("selection", "init=teacher") in found(record)
    assert text_of(record, "selection").endswith("that validation selects in tuning 1")


def test_what_was_confirmed_without_a_search_was_not_selected(recorder: Any) -> None:
    recorder.teacher(0.8)
    for arm in (0, 1):
        for seed in (1, 2, 3):
            recorder.trial(arm, 1, 0.5, seed=seed, test=0.5)
    recorder.tracker.finish()
    assert found(recorder.read()) == [("selection", "init=random"), ("selection", "init=teacher")]


@pytest.mark.parametrize("seeds", [(), (1,), (1, 2)])
def test_fewer_than_three_seeds_name_no_winner(recorder: Any, seeds: tuple[int, ...]) -> None:
    recorder.arms_alike(seeds=seeds)
    record = recorder.read()
    assert found(record) == [("seeds", "init=random"), ("seeds", "init=teacher")]
    assert audit(record)[0].text.startswith(f"{len(seeds)} confirmed seed{'' if len(seeds) == 1 else 's'};")


def test_arms_need_three_seeds_in_common(recorder: Any) -> None:
    """Each has three."""
    recorder.arms_alike(seeds=(1, 2))
    for arm, seed in ((0, 3), (1, 4)):
        recorder.trial(arm, 1, 0.5, seed=seed, test=0.5, learning_rate=1e-3)
    record = recorder.read()
    assert found(record) == [("seeds", None)]
    said = "all arms share 2 confirmed seeds (1, 2); at least 3 are needed"
    assert text_of(record, "seeds") == said


def set_data_seed(recorder: Any, arm: str, seed: str, data_seed: int) -> None:
    """As another version, or a home of someone else, may have drawn it."""
    record = recorder.read()
    runs = record.trials.query("phase == 'confirm' and arm == @arm and seed == @seed")
    recorder.tracker.runs.client.log_param(runs["run"].item(), "data_seed", str(data_seed))


def test_seeds_on_other_data_samples_do_not_pair(recorder: Any) -> None:
    recorder.arms_alike()
    set_data_seed(recorder, "init=teacher", seed="2", data_seed=7)
    record = recorder.read()
    assert found(record) == [("pairing", None)]
    assert text_of(record, "pairing").startswith(
        "the arms have different data samples (data_seed) at seed 2,"
    )


def test_data_seeds_may_be_others_than_seeds_where_all_arms_share_them(recorder: Any) -> None:
    recorder.arms_alike()
    for arm in ("init=random", "init=teacher"):
        for seed in (1, 2, 3):
            set_data_seed(recorder, arm, str(seed), seed + 10)
    assert audit(recorder.read()) == []


def test_an_arm_that_was_confirmed_twice_on_one_seed_is_found(recorder: Any) -> None:
    """One of the two would stand for the seed, and which is luck."""
    recorder.arms_alike(seeds=(1, 2, 3, 4))
    record = recorder.read()
    run = record.trials.query("phase == 'confirm' and arm == 'init=random' and seed == '4'")["run"].item()
    recorder.tracker.runs.client.log_param(run, "seed", "3")
    record = recorder.read()
    assert found(record) == [("pairing", "init=random"), ("pairing", None)]
    assert audit(record)[0].text == "seed 3 was confirmed on 2 data samples (data_seed)"


def test_a_study_that_did_not_record_data_seeds_is_not_found_to_lack_pairs(recorder: Any) -> None:
    recorder.arms_alike()
    for stored in recorder.tracker.runs.client.stored.values():
        stored["params"].pop("data_seed", None)
    assert audit(recorder.read()) == []


def test_arms_that_differ_by_the_teachers_seed_alone_have_nothing_to_win(make_recorder: Any) -> None:
    one = make_recorder(scientific={"teacher_seed": (0, 1)})
    two = make_recorder(name="2", scientific={"teacher_seed": (0, 1), "init": ("random", "teacher")})
    for recorder in (one, two):
        recorder.arms_alike()
    assert found(one.read()) == [("arms", None)]
    assert audit(two.read()) == []


def test_seeds_of_a_former_best_are_not_counted(make_recorder: Any) -> None:
    recorder = make_recorder(**INIT, selection="best tried")
    recorder.arms_alike()
    for arm in (0, 1):
        recorder.trial(arm, 3, 0.8)
        recorder.trial(arm, 3, 0.8, seed=1, test=0.5)
    record = recorder.read()
    assert found(record) == [("seeds", "init=random"), ("seeds", "init=teacher")]
    assert any(text.startswith("6 confirm runs have values that are no longer") for text in caveats(record))


def test_the_mean_of_those_that_did_not_diverge_flatters_an_arm(recorder: Any) -> None:
    recorder.arms_alike()
    recorder.trial(0, 1, None, "diverged", seed=4, learning_rate=1e-3)
    record = recorder.read()
    assert found(record) == [("survivors", "init=random")]
    assert text_of(record, "survivors").startswith("1 of 4 confirm runs diverged")


def test_a_confirm_run_that_failed_is_a_caveat(recorder: Any) -> None:
    recorder.arms_alike()
    recorder.trial(0, 1, 0.3, "failed", seed=4, learning_rate=1e-3)
    record = recorder.read()
    assert audit(record) == []
    assert "init=random: 1 confirm runs failed. Their scores are missing." in caveats(record)


def test_macros_over_different_languages_are_not_compared(recorder: Any) -> None:
    recorder.arms_alike()
    for arm in (0, 1):
        for seed in (4, 5):
            languages = ("deu", "yor") if arm else ("deu",)
            recorder.trial(arm, 1, 0.5, seed=seed, test=0.5, languages=languages, learning_rate=1e-3)
    record = recorder.read()
    assert found(record) == [("languages", "init=random")]
    assert text_of(record, "languages").startswith("lacks yor, which other arms have")


def test_a_hyperparameter_that_varies_without_a_role_is_a_confound(recorder: Any) -> None:
    recorder.arms_alike()
    recorder.trial(0, 1, 0.1, steps=50)
    recorder.trial(1, 1, 0.1, steps=50)
    record = recorder.read()
    assert found(record) == [("confound", None)]
    assert text_of(record, "confound") == "steps has no role and several values: 200, 50"


def test_a_teacher_without_a_score_has_taught_nothing_that_is_known(recorder: Any) -> None:
    recorder.arms_alike()
    client = recorder.tracker.runs.client
    (run,) = recorder.read().trials.query("phase == 'teacher'")["run"]
    client.log_metric(run, "validation/accuracy/macro", float("nan"), step=1)
    assert found(recorder.read()) == [("teacher", None)]


def test_findings_come_together(recorder: Any) -> None:
    recorder.trial(0, 0, 0.5)
    recorder.trial(0, 0, 0.5, seed=1, test=0.5)
    assert [rule for rule, _ in found(recorder.read())] == ["partial", "budget", "edge", "seeds", "seeds"]


def test_a_study_that_has_just_begun_is_audited_and_has_caveats(recorder: Any) -> None:
    record = recorder.read()
    assert [rule for rule, _ in found(record)] == ["partial", "seeds", "seeds"]
    assert caveats(record)


def test_shares_of_one_study_are_audited_as_one(make_recorder: Any) -> None:
    """Each home searched and confirmed one arm."""
    homes = [make_recorder(name=str(number), **INIT) for number in (0, 1)]
    for arm, recorder in enumerate(homes):
        recorder.teacher(0.8)
        recorder.trial(arm, 0, 0.5, learning_rate=1e-3)
        for seed in (1, 2, 3):
            recorder.trial(arm, 0, 0.5, seed=seed, test=0.5, learning_rate=1e-3)
        recorder.tracker.finish()
    for recorder in homes:
        assert {rule for rule, _ in found(recorder.read())} == {"budget", "seeds"}
    assert audit(read_studies([(each.uri, each.plan.name) for each in homes])) == []


def test_at_a_glance_many_findings_of_a_rule_are_one() -> None:
    few = [Finding("edge", arm, "too low") for arm in ("a", "b", "c")]
    many = [Finding("seeds", arm, "2 confirmed seeds") for arm in ("a", "b", "c", "d")]
    assert gathered(few) == few
    assert [str(finding) for finding in gathered([*few, *many])] == [
        *map(str, few),
        "a: 2 confirmed seeds; and 3 more such",
    ]
    assert gathered([]) == []
