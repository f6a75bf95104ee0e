"""A finding of the audit takes back, below, all that shows that a difference is real."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from analysis.record.study_record import StudyRecord
from analysis.report.sections import effects as effects_module
from analysis.report.sections.order import sections
from analysis.report.sections.section import Section
from analysis.verdict import results as results_module
from analysis.verdict.audit import Finding
from analysis.verdict.results import Results
from tests.analysis.invented import invented_study


@pytest.fixture(scope="module")
def study() -> StudyRecord:
    """Every section that claims something has content."""
    return invented_study(
        {"init": ("random", "teacher"), "alpha": (0.2, 1.0), "data_fraction": (0.1, 1.0)}, seeds=4, search=9
    )


def made(
    study: StudyRecord, findings: list[Finding], monkeypatch: pytest.MonkeyPatch
) -> tuple[list[Section], list[pd.DataFrame]]:
    """The sections, and the rows of the forest plots."""
    monkeypatch.setattr(results_module, "audit", lambda record: findings)
    drawn: list[pd.DataFrame] = []
    monkeypatch.setattr(effects_module, "forest", lambda rows, *texts: drawn.append(rows))
    found = sections(Results(study))
    for section in found:
        for drawing in section.drawings:
            if drawing.name.startswith("effects"):
                drawing.draw()
    return found, drawn


def cells(found: list[Section]) -> list[str]:
    return [cell for section in found for table in section.tables for row in table.rows for cell in row]


def heads(found: list[Section]) -> set[str]:
    return {name for section in found for table in section.tables for name in table.columns}


def words(found: list[Section]) -> str:
    """What is beside numbers and figures; the section on the method describes all reports."""
    shown = [section for section in found if section.title != "How this was computed"]
    tables = [table for section in shown for table in section.tables]
    drawings = [drawing for section in shown for drawing in section.drawings]
    return " ".join([*(table.note for table in tables), *(drawing.caption for drawing in drawings)])


def test_without_findings_p_values_stars_and_filled_marks_are_shown(
    study: StudyRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, drawn = made(study, [], monkeypatch)
    assert {"p", "p (Holm)", "equal within"} <= heads(found)
    assert any(cell.endswith("*") for cell in cells(found))
    assert len(drawn) == 2
    assert all(rows["marked"].any() for rows in drawn)
    assert "Filled marks" in words(found)


def test_with_a_finding_none_of_them_is_shown(study: StudyRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    found, drawn = made(study, [Finding("edge", None, "an edge")], monkeypatch)
    assert not {"p", "p (Holm)", "equal within"} & heads(found)
    assert not any(cell.endswith("*") for cell in cells(found))
    assert len(drawn) == 2
    assert not any(rows["marked"].any() for rows in drawn)
    assert not re.search(r"[Ff]illed|\bstar\b|Holm|\bp\b is|p <", words(found))
    (shown,) = (section for section in found if section.title == "Effects")
    assert "The audit has findings, so no p value is shown and no difference is marked." in shown.text


def test_intervals_stay(study: StudyRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    """They describe the runs."""
    without, _ = made(study, [], monkeypatch)
    found, _ = made(study, [Finding("edge", None, "an edge")], monkeypatch)
    tables = {table.name: table for section in found for table in section.tables}
    for section in without:
        for table in section.tables:
            if table.name.startswith("effects_"):
                shown = {cell.rstrip("*") for row in table.rows for cell in row if "[" in cell}
                assert shown <= {cell for row in tables[table.name].rows for cell in row}
