"""Languages of training texts: what a space may write, and what that comes to on a task."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study.errors import RequestError
from study.planning.languages import Languages, OfTask, codes_of, in_languages, random_half
from study.planning.plan import ModelFacts, Plan
from study.space import Range, SearchSpace

TRAINED = ("de", "de-ba", "en", "no_B", "swh")
EVERY = (*TRAINED, "yor")
TASK = OfTask("a" * 64, EVERY, TRAINED)
codes = st.text("abcdefgh-_", min_size=1, max_size=8)


def space(*levels: str, **more: Any) -> SearchSpace:
    scientific = {"init": ("random", "teacher")} | ({"train_languages": levels} if len(levels) > 1 else {})
    fixed = {"train_languages": levels[0]} if len(levels) == 1 else {}
    rates = {"learning_rate": Range(low=1e-4, high=1e-2, log=True)}
    fields: dict[str, Any] = {"scientific": scientific, "fixed": fixed, "nuisance": rates, "trials": 3}
    return SearchSpace(question="Which?", **(fields | more))


def plan_of(a_space: SearchSpace) -> Plan:
    return Plan.make("s", a_space, TASK, ModelFacts("b" * 64, 4, 1e-3), "", {})


def read(text: str) -> tuple[str, ...]:
    return codes_of("train_languages", text, EVERY, TRAINED)


def test_a_value_is_all_languages_some_of_them_all_but_one_or_a_random_half() -> None:
    assert read("all") == TRAINED
    assert read("no_B") == ("no_B",)
    assert read("no_B+de-ba+no_B") == ("de-ba", "no_B")
    assert read("but:en") == ("de", "de-ba", "no_B", "swh")
    assert read("half:3") == random_half(TRAINED, 3)


@given(st.sets(codes, min_size=1, max_size=40), st.integers(0, 1000))
def test_a_random_half_is_half_of_the_languages_rounded_down_and_at_least_one(
    languages: set[str], seed: int
) -> None:
    half = random_half(languages, seed)
    assert len(half) == max(1, len(languages) // 2)
    assert set(half) <= languages
    assert half == random_half(sorted(languages, reverse=True), seed) == tuple(sorted(half))


def test_a_random_half_is_the_same_on_every_machine_and_another_with_another_seed() -> None:
    assert random_half(TRAINED, 1) == ("de", "de-ba")
    assert len({random_half(TRAINED, seed) for seed in range(40)}) == 10  # all pairs of five languages


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("swa", r"^train_languages: 'swa' is no language of the task \(did you mean swh\?\); .* half:SEED$"),
        ("en+fr", r"^train_languages: 'fr' in en\+fr is no language of the task"),
        ("yor", r"^train_languages: yor has no training rows, .* are de, de-ba, en, no_B, swh$"),
        ("but:yor", r"^train_languages: yor in but:yor has no training rows"),
        ("half:x", r"^train_languages=half:x: must be half:SEED with a whole number"),
        ("half", r"^train_languages: 'half' is no language of the task"),
        ("", r"^train_languages: '' is no language of the task"),
    ],
)
def test_what_cannot_be_trained_on_is_refused_in_one_line(text: str, complaint: str) -> None:
    with pytest.raises(RequestError, match=complaint) as refused:
        in_languages(space(text), TASK)
    assert "\n" not in str(refused.value)


def test_all_but_the_only_language_is_refused() -> None:
    with pytest.raises(RequestError, match=r"^train_languages=but:en: en is the only language"):
        codes_of("train_languages", "but:en", ("en",), ("en",))


def test_two_levels_that_are_the_same_languages_are_refused_with_what_is_left() -> None:
    with pytest.raises(
        RequestError, match=r"de\+en and en\+de are the same .*; --set train_languages=de\+en,all$"
    ):
        in_languages(space("de+en", "en+de", "all"), TASK)
    with pytest.raises(RequestError, match=r"half:1 and half:2 are the same languages of this task \(en\)"):
        in_languages(space("half:1", "half:2"), OfTask("", ("en",), ("en",)))


def test_a_list_of_all_languages_is_all_and_a_configuration_has_codes() -> None:
    plan = plan_of(space("+".join(TRAINED), "half:1", "en+de"))
    assert plan.space.scientific["train_languages"] == ("all", "half:1", "de+en")
    lists = [draft.train_languages for arm in plan.arms() for draft in plan.drafts(arm)[:1]]
    assert lists == ["all", "de+de-ba", "de+en"] * 2
    assert [arm.name.split()[1].partition("=")[2] for arm in plan.arms()[:3]] == ["all", "half:1", "de+en"]


def test_the_key_follows_from_the_languages_and_not_from_how_they_are_written() -> None:
    one, other = plan_of(space("half:1")), plan_of(space("de-ba+de"))
    keys = [[draft.key for arm in plan.arms() for draft in plan.drafts(arm)] for plan in (one, other)]
    assert keys[0] == keys[1]
    assert one.shown(one.all_drafts()[0])["train_languages"] == "half:1"
    assert one.held()["train_languages"] == "half:1"


def test_names_are_short_and_differ_within_what_the_ui_of_mlflow_shows() -> None:
    many = tuple(f"lang{number:02}" for number in range(20))
    levels = ("+".join(many[:9]), "+".join(many[:10]), "lang00+lang01", "lang00+lang02", "lang05")
    found, languages = in_languages(space(*levels), OfTask("", many, many))
    names = [str(name) for name in found.scientific["train_languages"]]
    assert len({name[:10] for name in names}) == len(names)
    assert all(len(name) <= 32 and " " not in name for name in names)
    assert names[4] == "lang05"
    assert [languages.seen(languages.content(name)) for name in names[:3]] == [many[:9], many[:10], many[:2]]


def test_languages_with_a_space_in_their_name_do_not_divide_the_name_of_an_arm() -> None:
    both = ("en", "new latin")
    found, languages = in_languages(space("new latin", "en"), OfTask("", both, both))
    name, other = found.scientific["train_languages"]
    assert " " not in str(name)
    assert languages.content(name) == "new latin"
    assert other == "en"


def test_a_language_called_all_does_not_stand_for_all_languages() -> None:
    with pytest.raises(RequestError, match="a language called all must not stand alone"):
        in_languages(space("but:en"), OfTask("", ("all", "en"), ("all", "en")))


def test_excluded_and_enqueued_points_have_the_names_of_the_levels() -> None:
    point = {"train_languages": "en+de", "learning_rate": 1e-3}
    a_space = space(
        "en+de", "all", excluded=({"init": "random", "train_languages": "all"},), enqueued=(point,)
    )
    plan = plan_of(a_space)
    assert len(plan.arms()) == 3
    assert plan.space.enqueued == (point | {"train_languages": "de+en"},)


def test_seen_and_unseen_languages_of_an_arm_include_those_without_training_texts() -> None:
    plan = plan_of(space("half:1", "all"))
    unseen = {arm.name: plan.unseen_by(arm) for arm in plan.arms()}
    assert unseen["init=random train_languages=half:1"] == ("en", "no_B", "swh", "yor")
    assert unseen["init=random train_languages=all"] == ("yor",)


def test_a_plan_of_an_older_version_selects_on_all_languages_and_knows_no_lists() -> None:
    older = plan_of(space()).model_dump(mode="json", exclude={"select_on", "languages"})
    for field in ("train_languages", "teacher_languages"):
        assert field not in older["space"]["scientific"]
    plan = Plan(**older)
    assert plan.select_on == "all"
    assert plan.languages == Languages()
    assert plan_of(space()).following(plan).identity() == plan.identity()
    assert plan_of(space()).model_copy(update={"exact": ("select_on",)}).following(plan).select_on == "seen"
