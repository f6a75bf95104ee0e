"""The figures of the first screen."""

from __future__ import annotations

import dataclasses
from typing import Any

import pandas as pd
import pytest

from analysis.report.figures.dots import MOST_ARMS
from analysis.report.sections import first
from analysis.report.sections.first import first_screen
from analysis.verdict.results import Results
from tests.analysis.invented import invented_study


def drawn(results: Results, monkeypatch: pytest.MonkeyPatch) -> tuple[str, pd.DataFrame, pd.DataFrame]:
    """(the caption, the arms, the seeds) of the figure of the arms."""
    given: list[tuple[Any, ...]] = []
    monkeypatch.setattr(first, "dots", lambda *arguments: given.append(arguments))
    drawing = first_screen(results)[0]
    drawing.draw()
    return drawing.caption, given[0][0], given[0][1]


def test_arms_stand_in_planned_order_with_their_levels_means_and_teacher(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    results = Results(invented_study({"init": ("random", "teacher"), "alpha": (0.2, 1.0)}, seeds=3, search=2))
    caption, arms, seeds = drawn(results, monkeypatch)
    assert list(arms["arm"]) == list(results.record.arms)
    assert list(arms["name"]) == ["random · 0.2", "random · 1", "teacher · 0.2", "teacher · 1"]
    assert list(arms["line"]) == ["init=random"] * 2 + ["init=teacher"] * 2
    assert arms["teacher"].nunique() == 1
    assert "Dashed line: the teacher." in caption
    macro = results.confirmed[results.confirmed["language"] == "macro"]
    assert sorted(seeds["value"]) == pytest.approx(sorted(macro["value"]))


def test_of_many_arms_the_first_are_drawn_and_the_others_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    study = invented_study({"depth": tuple(range(1, MOST_ARMS + 3))}, seeds=1, search=1, languages=("deu",))
    caption, arms, _ = drawn(Results(study), monkeypatch)
    assert len(arms) == MOST_ARMS
    assert "2 more arms are in the table of arms." in caption


def test_a_study_without_confirm_runs_has_the_picture_of_its_search_alone() -> None:
    study = invented_study({"depth": (1, 3)}, seeds=2, search=2)
    searched = study.scores[study.scores["phase"] != "confirm"]
    (drawing,) = first_screen(Results(dataclasses.replace(study, scores=searched)))
    assert drawing.name == "search"
