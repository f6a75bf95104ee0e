"""What sections make of a study: which cells a surface has, which runs count, how a replay was made."""

from __future__ import annotations

import dataclasses
from typing import Any

import pandas as pd
import pytest

from analysis.results import Results
from analysis.sections import factors, search
from analysis.sections.factors import alpha_and_temperature, size
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


@pytest.mark.parametrize("sampler", ["random", "quasi", "grid", "tpe", None])
def test_a_replay_of_an_adaptive_search_is_said_to_take_the_first_trials(sampler: str | None) -> None:
    study = invented_study({"init": ("random", "teacher")}, seeds=2, search=4)
    facts = {name: text for name, text in study.facts.items() if name != "sampler"}
    facts |= {"sampler": sampler} if sampler else {}
    (drawing,) = search.replayed(Results(dataclasses.replace(study, facts=facts))).drawings
    adaptive = sampler in ("tpe", None)
    assert ("Trials are the first of each arm" in drawing.caption) is adaptive
    assert ("Trials and seeds are drawn at random." in drawing.caption) is not adaptive
