"""The two pages: they stand alone, and names in them stay names."""

from __future__ import annotations

import dataclasses
import re
from collections import defaultdict
from pathlib import Path

import pytest
from markupsafe import Markup

from analysis.record.study_record import StudyRecord
from analysis.report import pages as pages_module
from analysis.report.latex import latex_table
from analysis.report.pages import html_page, markdown_page
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


def test_what_was_held_is_folded_on_the_first_screen_and_a_later_section_of_the_markdown(
    written: tuple[Path, list[Path]],
) -> None:
    html, markdown = ((written[0] / f"report.{kind}").read_text("utf-8") for kind in ("html", "md"))
    folded = html[html.index("<details>") : html.index("</details>")]
    assert html.index("<details>") < html.index("Trials:")
    later = markdown[markdown.index("\n## Fixed settings\n") :]
    for said in ("batch_size 32", "400 optimiser steps"):
        assert said in folded
        assert said in later
        assert said not in markdown[: markdown.index("Trials:")]


def test_the_first_screen_has_a_picture_of_the_arms(written: tuple[Path, list[Path]]) -> None:
    html, markdown = ((written[0] / f"report.{kind}").read_text("utf-8") for kind in ("html", "md"))
    assert html.index('<figure id="figure-arms">') < html.index("</header>")
    assert "(figures/arms.svg)" in markdown[: markdown.index("\n## Arms\n")]
    assert (written[0] / "figures" / "arms.png").stat().st_size


def test_a_finding_names_the_command_that_lifts_it_on_both_pages() -> None:
    study = invented_study({"init": ("random", "teacher")}, seeds=2, search=9)
    page, markdown = pages(study)
    for text in (page.text, markdown):
        start = text[: text.index("Trials:")]
        assert "To lift findings (seeds): kdstudy run ... --confirm-seeds 5" in start
        assert "... stands for the rest of the command that began the study" in start
    assert page.tags["code"] == 1


def test_an_answer_has_its_lead_in_bold_and_its_claim_in_italics(monkeypatch: pytest.MonkeyPatch) -> None:
    said = ["**Copying <b> helped; distilling did not.** It did. *Claim C1: supported.* For *a* b*c.", "So."]
    monkeypatch.setattr(pages_module, "answer", lambda results: said)
    study = invented_study({"init": ("random", "teacher")}, seeds=2, search=2)
    html = html_page(Results(study), [], defaultdict(Markup))
    assert (
        "<p><strong>Copying &lt;b&gt; helped; distilling did not.</strong> It did. "
        "<em>Claim C1: supported.</em> For *a* b*c.</p>"
    ) in html
    markdown = markdown_page(Results(study), [])
    assert (
        "**Answer.** **Copying &lt;b&gt; helped; distilling did not.** It did. *Claim C1: supported.* For "
        "\\*a\\* b\\*c.\n\nSo.\n"
    ) in markdown


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
