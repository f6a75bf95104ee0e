"""The sections on single factors: which cells a surface has, and which runs count."""

from __future__ import annotations

import dataclasses
from typing import Any

import pandas as pd
import pytest

from analysis.report.sections import factors
from analysis.report.sections.factors import alpha_and_temperature, data_fraction, size
from analysis.verdict.results import Results
from tests.analysis.drawings import drawn
from tests.analysis.invented import invented_study


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


def test_the_axis_has_the_shares_that_fractions_came_to_and_names_the_fractions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    study = invented_study(
        {"init": ("random", "teacher"), "data_fraction": (0.01, 0.1, 1.0)}, seeds=3, search=2
    )
    shares = {"0.01": 0.05, "0.1": 0.1001}
    trials = study.trials.assign(data_share=study.trials["data_fraction"].map(shares))
    recorded = data_fraction(Results(dataclasses.replace(study, trials=trials)))
    assert sorted(set(drawn(monkeypatch, factors, "lines", recorded)["x"])) == [0.05, 0.1001, 1.0]
    assert "a larger share of the training rows: 0.01 came to 5.0%." in recorded.text[-1]
    nominal = data_fraction(Results(study))  # of an older version
    assert sorted(set(drawn(monkeypatch, factors, "lines", nominal)["x"])) == [0.01, 0.1, 1.0]
    assert not [text for text in nominal.text if "came to" in text]


def test_the_mean_of_the_dots_at_a_point_is_the_point_of_the_curve(monkeypatch: pytest.MonkeyPatch) -> None:
    space = {"init": ("random", "teacher"), "data_fraction": (0.1, 1.0), "teacher_data": ("full", "same")}
    given: list[tuple[Any, ...]] = []
    monkeypatch.setattr(factors, "lines", lambda *arguments: given.append(arguments))
    for name, section in (("depth", factors.depth), ("alpha", alpha_and_temperature), ("", data_fraction)):
        levels = {"depth": (1, 2, 4), "alpha": (0.0, 0.5, 1.0)}.get(name)
        study = invented_study(
            {"init": ("random", "teacher"), name: levels} if levels else space, seeds=3, search=2
        )
        (drawing,) = section(Results(study)).drawings
        drawing.draw()
        table, *_, seeds = given.pop()
        means = seeds.groupby(["panel", "line", "x"])["value"].agg(["mean", "count"])
        assert (means["count"] == 3).all()
        assert len(means) == len(table)
        for row in table.itertuples():
            assert means.loc[(row.panel, row.line, row.x), "mean"] == pytest.approx(row.mean)
