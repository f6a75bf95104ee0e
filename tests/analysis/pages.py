"""A report's pages, read back."""

from __future__ import annotations

from collections import Counter, defaultdict
from html.parser import HTMLParser

import pytest
from markupsafe import Markup

from analysis.record.study_record import StudyRecord
from analysis.report.pages import html_page, markdown_page
from analysis.report.sections.order import sections
from analysis.verdict import results as results_module
from analysis.verdict.results import Results

__all__ = ["Page", "pages"]

VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """The elements of a page, their attributes, and its text outside style."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data

    def values(self, name: str) -> list[str]:
        return [value or "" for attribute, value in self.attributes if attribute == name]


def pages(record: StudyRecord, monkeypatch: pytest.MonkeyPatch | None = None) -> tuple[Page, str]:
    """(the HTML page, the Markdown), without the figures; given `monkeypatch`, as if no finding were made."""
    if monkeypatch is not None:
        monkeypatch.setattr(results_module, "audit", lambda record: [])
    results = Results(record)
    made = sections(results)
    return Page(html_page(results, made, defaultdict(Markup))), markdown_page(results, made)
