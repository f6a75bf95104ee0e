"""The two pages of the report: one HTML file that is complete in itself, and the same content in Markdown."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from analysis.record.formats import MISSING
from analysis.report import markdown
from analysis.report.sections.first import first_screen
from analysis.report.sections.section import Section
from analysis.report.tables import Table
from analysis.verdict.answer import answer
from analysis.verdict.audit import gathered, remedies
from analysis.verdict.emphasis import emphasised
from analysis.verdict.remedies import REST
from analysis.verdict.results import Results

__all__ = ["html_page", "markdown_page"]


def html_page(results: Results, sections: Sequence[Section], svgs: Mapping[str, Markup]) -> str:
    """The HTML page, with all names escaped. svgs: the SVG element of each drawing, by its name."""
    return _page("report.html.j2", results, sections, svgs=svgs)


def markdown_page(results: Results, sections: Sequence[Section]) -> str:
    """The Markdown page. It links the figures in the folder `figures`."""
    return _page("report.md.j2", results, sections)


def _page(template: str, results: Results, sections: Sequence[Section], **more: Any) -> str:
    environment = Environment(
        loader=PackageLoader("analysis.report"),
        autoescape=template.endswith(".html.j2"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"md": markdown.escape, "md_table": markdown.markdown_table}
    environment.filters |= {"shown": _shown, "kinds": _kinds}
    environment.filters |= {"emphasised": _emphasised, "md_emphasised": _emphasised_in_markdown}
    findings = results.findings
    return environment.get_template(template).render(
        record=results.record,
        answer=answer(results),
        figures=first_screen(results),
        caveats=results.caveats,
        settings=results.settings,
        findings=gathered(findings),
        remedies=remedies(findings),
        rest=REST if any(REST in finding.remedy for finding in findings) else "",
        sections=sections,
        **more,
    )


def _emphasised(paragraph: str) -> Markup:
    """A paragraph of the answer in HTML, escaped."""
    parts = [(kind, escape(text)) for kind, text in emphasised(paragraph)]
    return Markup("").join(Markup(f"<{kind}>{text}</{kind}>") if kind else text for kind, text in parts)


def _emphasised_in_markdown(paragraph: str) -> str:
    marks = {"strong": "**", "em": "*", "": ""}
    made = ""
    for kind, text in emphasised(paragraph):
        space = " " if made and text[0].isspace() else ""
        end = " " if text[-1].isspace() else ""
        made += f"{space}{marks[kind]}{markdown.escape(text)}{marks[kind]}{end}"
    return made.rstrip()


def _kinds(table: Table) -> list[str]:
    """The CSS class of each column: numbers are aligned to the right, long names may break into lines."""
    texts = ["text" if length <= 20 else "long" for length in table.lengths]
    return ["number" if numeric else text for numeric, text in zip(table.numeric, texts, strict=True)]


def _shown(cell: str) -> str:
    """A cell as it is printed: with a true minus sign, and with an en dash for a missing value."""
    return "–" if cell == MISSING else re.sub(r"(?<![\w.])-(?=\d)", "−", cell)
