"""The two pages: they stand alone, and names in them stay names."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from analysis.record.study_record import StudyRecord
from analysis.report.latex import latex_table
from analysis.report.sections.order import sections
from analysis.report.write import write_report
from analysis.verdict.answer import answer
from analysis.verdict.results import Results
from tests.analysis.invented import invented_study
from tests.analysis.pages import Page, pages

HOSTILE = "<script>alert(1)</script> a_b%&$#{}~^\\ | `x` *y* [z](q) 中文 " + "very_long_name_" * 6


def test_the_page_stands_alone(written: tuple[Path, list[Path]]) -> None:
    text = (written[0] / "report.html").read_text("utf-8")
    page = Page(text)
    assert not page.open  # well formed
    assert not {"script", "link", "img", "iframe", "object", "base"} & page.tags.keys()
    assert "src" not in {name for name, _ in page.attributes}
    assert "http" not in text
    assert "@import" not in text
    assert page.tags["svg"] == len(list((written[0] / "figures").glob("*.svg"))) > 5
    identifiers = page.values("id")
    assert len(identifiers) == len(set(identifiers))
    assert {link.removeprefix("#") for link in page.values("href")} <= set(identifiers)


def test_a_study_that_has_not_finished_is_marked(claim_study: StudyRecord) -> None:
    page, markdown = pages(dataclasses.replace(claim_study, partial=True))
    assert page.text.index("Partial: this study has not finished") < page.text.index("How much comes from")
    assert "**Partial: this study has not finished." in markdown


def test_what_was_held_stands_on_the_first_screen(written: tuple[Path, list[Path]]) -> None:
    out, _ = written
    for text in (Page((out / "report.html").read_text("utf-8")).text, (out / "report.md").read_text("utf-8")):
        start = text[: text.index("Trials:")]
        assert "batch_size 32" in start
        assert "400 optimiser steps" in start


def test_a_missing_number_is_a_dash(claim_study: StudyRecord) -> None:
    gone = claim_study.arms[0]
    kept = ~((claim_study.scores["arm"] == gone) & (claim_study.scores["phase"] == "confirm"))
    runs = ~((claim_study.trials["arm"] == gone) & (claim_study.trials["phase"] == "confirm"))
    record = dataclasses.replace(
        claim_study,
        scores=claim_study.scores[kept],
        trials=claim_study.trials[runs],
        curves=claim_study.curves.iloc[:0],
    )
    _, markdown = pages(record)
    assert re.search(rf"\| {re.escape(gone)} \| \d\d\.\d\d \| 0 \| - \| - \| - \| - \| - \| - \|", markdown)
    assert "nan" not in markdown.lower()
    assert r"& 0 & -- & -- &" in latex_table(sections(Results(record))[0].tables[0])


def test_hostile_names_stay_names(tmp_path: Path) -> None:
    record = invented_study(
        {"init": (HOSTILE, "teacher"), "alpha": (0.2, 1.0)},
        seeds=2,
        search=2,
        languages=("<b>", "a_%", "中文", "x" * 80),
        name="<script>alert('x')</script> & co",
        question="Why <img src=x onerror=alert(1)>?",
    )
    write_report(Results(record), tmp_path)
    page = Page((tmp_path / "report.html").read_text("utf-8"))
    markdown = (tmp_path / "report.md").read_text("utf-8")
    assert not page.open
    assert not {"script", "img", "b"} & page.tags.keys()
    assert "onerror" not in {name for name, _ in page.attributes}
    assert "<script>alert('x')</script> & co" in page.text
    assert "Why <img src=x onerror=alert(1)>?" in page.text
    assert f"init={HOSTILE}".rstrip() in page.text
    assert "<script" not in markdown
    assert "<img" not in markdown
    for svg in (tmp_path / "figures").glob("*.svg"):
        assert "<script" not in svg.read_text("utf-8")


def test_a_partial_study_names_no_winner() -> None:
    (text,) = answer(Results(invented_study({"depth": (1, 3)}, search=2, partial=True)))
    assert text.startswith("No winner is named: the audit has")
