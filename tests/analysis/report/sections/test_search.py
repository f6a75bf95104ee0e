"""The sections on the search: replays, the budget, bands."""

from __future__ import annotations

import dataclasses

import pandas as pd
import pytest

from analysis.report.sections import search
from analysis.verdict import results as results_module
from analysis.verdict.audit import Finding
from analysis.verdict.results import Results
from tests.analysis.drawings import drawn
from tests.analysis.invented import invented_study


@pytest.mark.parametrize("sampler", ["random", "quasi", "grid", "tpe", "pruned", None])
def test_a_replay_of_an_adaptive_search_is_said_to_take_the_first_trials(sampler: str | None) -> None:
    """Whether a trial is pruned depends on the others too: of four the fourth is, of three none."""
    study = invented_study({"init": ("random", "teacher")}, seeds=2, search=4 if sampler == "pruned" else 3)
    facts = {name: text for name, text in study.facts.items() if name != "sampler"}
    facts |= {"sampler": "random" if sampler == "pruned" else sampler} if sampler else {}
    (drawing,) = search.replayed(Results(dataclasses.replace(study, facts=facts))).drawings
    adaptive = sampler in ("tpe", "pruned", None)
    assert ("A replay takes the first search trials of each arm" in drawing.caption) is adaptive
    alike = sampler in ("quasi", "grid")
    assert ("A replay draws trials and seeds at random." in drawing.caption) is (sampler == "random")
    assert ("draws trials and seeds at random, the same points in all arms." in drawing.caption) is alike
    assert ("Replays differ only in their seeds." in drawing.caption) is adaptive


def test_a_replay_is_drawn_and_tabled_against_the_share_of_the_trials(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of 2 arms x (4 search + 4 confirm), 1 search trial and 3 seeds an arm are 8 of 16."""
    study = invented_study({"init": ("random", "teacher")}, seeds=4, search=4)
    section = search.replayed(Results(study))
    table = drawn(monkeypatch, search, "lines", section)
    three = table[table["line"] == "3 confirm seeds (4 replays)"]
    assert list(three["x"]) == pytest.approx([100 * 2 * (b + 3) / 16 for b in (1, 2, 3, 4)])
    assert table["x"].max() == 100
    same, trials = section.tables
    columns = ("3 confirm seeds (4 replays)", "4 confirm seeds (1 replay)")
    assert same.columns == trials.columns == ("search trials per arm", *columns)
    assert [row[1] for row in trials.rows] == ["50", "62", "75", "88"]
    assert same.rows[-1] == ("4", f"{100 * three['mean'].iloc[-1]:.0f}", "100")
    assert "not audited" in " ".join(section.text)


def test_a_replay_of_a_study_on_its_way_says_whose_trials_it_holds() -> None:
    study = invented_study(
        {"depth": (1, 2, 3)}, seeds=3, search=3, score=lambda levels: 0.3 + 0.15 * levels["depth"]
    )
    (whole,) = search.replayed(Results(study)).drawings
    gone = (study.scores["arm"] == "depth=3") & (study.scores["phase"] == "confirm")
    (part,) = search.replayed(Results(dataclasses.replace(study, scores=study.scores[~gone]))).drawings
    said = "Arms without a confirm run are left out."
    assert (said in whole.caption, said in part.caption) == (False, True)


def test_what_is_replayed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """What replays are to show; and if the study shows nothing, or if the audit has findings."""
    study = invented_study({"init": ("random", "teacher")}, seeds=3, search=4)
    space = {"init": ("random", "teacher"), "depth": (1, 2, 3)}
    equal = invented_study(space, seeds=4, search=4, score=lambda levels: 0.6)
    data = invented_study({"init": ("random", "teacher"), "data_fraction": (0.01, 1.0)}, seeds=3, search=4)
    monkeypatch.setattr(results_module, "audit", lambda record: [])
    told, nothing, slope = (" ".join(search.replayed(Results(s)).text) for s in (study, equal, data))
    assert "which arm is above all others" in told
    assert "claim C4" in slope
    assert "have nothing to agree on" in nothing
    assert "have nothing to agree on" not in told
    assert not search.replayed(Results(equal)).drawings
    assert not search.replayed(Results(equal)).tables
    assert "The audit has findings" not in told + nothing + slope
    monkeypatch.setattr(results_module, "audit", lambda record: [Finding("seeds", None, "two seeds")])
    refused = " ".join(search.replayed(Results(study)).text)
    assert "answer what the record would show if the audit had no findings" in refused


def whole_search(trials: int, sampler: str) -> Results:
    """A study of so many search trials an arm, none of them pruned (of the invented ones two are)."""
    study = invented_study({"init": ("base", "teacher")}, seeds=2, search=trials + 2)
    kept = study.trials[study.trials["outcome"] != "pruned"]
    return Results(dataclasses.replace(study, trials=kept, facts=study.facts | {"sampler": sampler}))


def test_the_expected_best_is_drawn_and_the_median_with_its_band(monkeypatch: pytest.MonkeyPatch) -> None:
    """The best of one draw is the mean of all trials on average; that of all is the best of them."""
    results = whole_search(11, "random")
    section = search.search_budget(results)
    made: list[pd.DataFrame] = []
    monkeypatch.setattr(search, "lines", lambda table, *texts: made.append(table))
    for drawing in section.drawings:
        drawing.draw()
    expected, median = made
    assert [drawing.name for drawing in section.drawings] == ["search_budget", "search_budget_median"]
    values = results.search[results.search["arm"] == "init=base"]["value"]
    of_arm = expected[expected["arm"] == "init=base"].set_index("x")
    assert of_arm["mean"][1] == pytest.approx(values.mean())
    assert of_arm["mean"][11] == pytest.approx(values.max())
    assert expected[["low", "high"]].isna().all(axis=None)
    assert median["low"].notna().any()
    assert "C(r, b) / C(n, b)" in " ".join(section.text)
    assert "no band" not in " ".join(section.text)


@pytest.mark.parametrize(
    ("sampler", "said"),
    [
        ("random", "exact for every distribution of the scores,"),
        ("quasi", "nearly exact for quasi-random draws"),
    ],
)
def test_how_exact_a_band_is_is_said(sampler: str, said: str) -> None:
    _, median = search.search_budget(whole_search(11, sampler)).drawings
    assert said in median.caption


def test_too_few_trials_for_a_band_are_said_to_be() -> None:
    """Of ten the median of one trial is bounded, and of the best of two it is not."""
    section = search.search_budget(whole_search(10, "quasi"))
    assert [drawing.name for drawing in section.drawings] == ["search_budget"]
    assert "10 trials an arm do not bound the median of the best of two" in " ".join(section.text)


def test_the_median_of_arms_with_pruned_trials_has_no_band() -> None:
    """Of four search trials the fourth was pruned."""
    section = search.search_budget(
        Results(invented_study({"init": ("random", "teacher")}, seeds=2, search=4))
    )
    assert [drawing.name for drawing in section.drawings] == ["search_budget"]
    assert "or some trials were pruned" in " ".join(section.text)


@pytest.mark.parametrize("sampler", ["tpe", None])
def test_without_independent_draws_there_is_no_band_and_the_text_says_why(sampler: str | None) -> None:
    study = invented_study({"init": ("random", "teacher")}, seeds=2, search=3)
    facts = {name: text for name, text in study.facts.items() if name != "sampler"}
    facts |= {"sampler": sampler} if sampler else {}
    section = search.search_budget(Results(dataclasses.replace(study, facts=facts)))
    assert [drawing.name for drawing in section.drawings] == ["search_budget"]
    assert "no band" in " ".join(section.text)
