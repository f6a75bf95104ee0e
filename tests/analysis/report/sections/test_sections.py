"""What sections make of a study: which cells a surface has, which runs count, how a replay was made."""

from __future__ import annotations

import dataclasses
from typing import Any

import pandas as pd
import pytest

from analysis.report.sections import factors, search
from analysis.report.sections.factors import alpha_and_temperature, data_fraction, size
from analysis.verdict import results as results_module
from analysis.verdict.audit import Finding
from analysis.verdict.results import Results
from tests.analysis.invented import invented_study


def drawn(monkeypatch: pytest.MonkeyPatch, module: Any, figure: str, section: Any) -> pd.DataFrame:
    """The table that the section's one drawing gives to `figure`."""
    tables: list[pd.DataFrame] = []
    monkeypatch.setattr(module, figure, lambda table, *texts: tables.append(table))
    (drawing,) = section.drawings
    drawing.draw()
    return tables[0]


def test_a_loss_without_a_temperature_has_one_cell_for_all_of_them(
    make_recorder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its one number is not copied to every temperature, as if it had been measured there."""
    scientific = {"loss": ("kl", "mse"), "alpha": (0.5, 1.0), "temperature": (1.0, 4.0)}
    recorder = make_recorder(scientific=scientific)
    recorder.arms_alike()
    section = alpha_and_temperature(Results(recorder.read()))
    table = drawn(monkeypatch, factors, "surface", section)
    cells = table.fillna(0)[["panel", "row", "column"]]
    found = {panel: rows[["row", "column"]].values.tolist() for panel, rows in cells.groupby("panel")}
    assert found == {
        "loss=kl": [[0.5, 1.0], [0.5, 4.0], [1.0, 0]],
        "loss=mse": [[0.5, 0], [1.0, 0]],
    }


def test_parameters_of_superseded_confirm_runs_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    study = invented_study({"depth": (1, 3)}, seeds=2, search=2)
    former = study.trials[study.trials["phase"] == "confirm"].iloc[[0]]
    former = former.assign(key="former", learning_rate="0.7", parameters=9e9)
    more = dataclasses.replace(study, trials=pd.concat([study.trials, former], ignore_index=True))
    one, other = (drawn(monkeypatch, factors, "sizes", size(Results(each))) for each in (study, more))
    pd.testing.assert_frame_equal(one, other)


@pytest.mark.parametrize("sampler", ["random", "quasi", "grid", "tpe", "pruned", None])
def test_a_replay_of_an_adaptive_search_is_said_to_take_the_first_trials(sampler: str | None) -> None:
    """Whether a trial is pruned depends on the others too: of four the fourth is, of three none."""
    study = invented_study({"init": ("random", "teacher")}, seeds=2, search=4 if sampler == "pruned" else 3)
    facts = {name: text for name, text in study.facts.items() if name != "sampler"}
    facts |= {"sampler": "random" if sampler == "pruned" else sampler} if sampler else {}
    (drawing,) = search.replayed(Results(dataclasses.replace(study, facts=facts))).drawings
    adaptive = sampler in ("tpe", "pruned", None)
    assert ("Trials are the first of each arm" in drawing.caption) is adaptive
    alike = sampler in ("quasi", "grid")
    assert ("Trials and seeds are drawn at random." in drawing.caption) is (sampler == "random")
    assert ("Trials, of the same points in all arms, and seeds are drawn" in drawing.caption) is alike
    assert ("replays differ in their seeds alone." in drawing.caption) is adaptive


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
    study = invented_study({"depth": (1, 2, 3)}, seeds=3, search=3)
    (whole,) = search.replayed(Results(study)).drawings
    gone = (study.scores["arm"] == "depth=3") & (study.scores["phase"] == "confirm")
    (part,) = search.replayed(Results(dataclasses.replace(study, scores=study.scores[~gone]))).drawings
    said = "Arms without a confirm run are left out."
    assert (said in whole.caption, said in part.caption) == (False, True)


@pytest.mark.parametrize("held", ["full", "same"])
def test_the_copys_advantage_names_what_the_teacher_saw_where_it_was_held(held: str) -> None:
    space = {"init": ("random", "teacher"), "alpha": (0.2, 1.0), "data_fraction": (0.1, 1.0)}
    study = invented_study(space, seeds=3, search=2)
    fixed = study.fixed | {"teacher_data": held}
    (table,) = data_fraction(Results(dataclasses.replace(study, fixed=fixed))).tables
    row = dict(zip(table.columns, table.rows[0], strict=True))
    assert (row["teacher_data"], row["cells"], row["averaged over"]) == (held, "2", "alpha")
    given = dataclasses.replace(study, fixed=fixed, facts=study.facts | {"teacher": "d" * 64})
    (table,) = data_fraction(Results(given)).tables
    assert "teacher_data" not in table.columns  # what it saw is not on record


def test_what_is_replayed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """On what replays conclude; and where the study concludes nothing, or the audit stands against it."""
    study = invented_study({"init": ("random", "teacher")}, seeds=3, search=4)
    space = {"init": ("random", "teacher"), "depth": (1, 2, 3)}
    equal = invented_study(space, seeds=3, search=4, score=lambda levels: 0.6)
    data = invented_study({"init": ("random", "teacher"), "data_fraction": (0.01, 1.0)}, seeds=3, search=4)
    monkeypatch.setattr(results_module, "audit", lambda record: [])
    told, nothing, slope = (" ".join(search.replayed(Results(s)).text) for s in (study, equal, data))
    assert "which arm is above all others" in told
    assert "claim C4" in slope
    assert "agreement on nothing" in nothing
    assert "agreement on nothing" not in told
    assert "The audit stands against" not in told + nothing + slope
    monkeypatch.setattr(results_module, "audit", lambda record: [Finding("seeds", None, "two seeds")])
    refused = " ".join(search.replayed(Results(study)).text)
    assert "the conclusion that the record would give if nothing stood against it" in refused


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
    [("random", "exact whatever the distribution,"), ("quasi", "close to it for quasi-random ones")],
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
    assert "or some were pruned" in " ".join(section.text)


@pytest.mark.parametrize("sampler", ["tpe", None])
def test_without_independent_draws_there_is_no_band_and_the_text_says_why(sampler: str | None) -> None:
    study = invented_study({"init": ("random", "teacher")}, seeds=2, search=3)
    facts = {name: text for name, text in study.facts.items() if name != "sampler"}
    facts |= {"sampler": sampler} if sampler else {}
    section = search.search_budget(Results(dataclasses.replace(study, facts=facts)))
    assert [drawing.name for drawing in section.drawings] == ["search_budget"]
    assert "no band" in " ".join(section.text)
