"""Tables in LaTeX: every name is set letter by letter, every row has its cells."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.report.latex import LONG, SPECIAL, escape, latex_table
from analysis.report.paper import paper_table
from analysis.report.sections.order import sections
from analysis.report.tables import Table
from analysis.report.widths import TEXT_WIDTH
from analysis.verdict.results import Results
from tests.analysis.invented import invented_study

COMMANDS = {command: letter for letter, command in SPECIAL.items()} | {r"\allowbreak{}": "", "{}": ""}


def read(escaped: str) -> str:
    """What LaTeX would set: commands replaced by their letters; a special letter by itself is an error."""
    token = re.compile(
        "|".join(re.escape(c) for c in sorted(COMMANDS, key=len, reverse=True)) + r"|[^\\{}$&#%_^~<>|\"'`]"
    )
    found = token.findall(escaped)
    assert "".join(found) == escaped
    assert "--" not in escaped  # LaTeX would set a dash
    assert ",," not in escaped  # and a quotation mark
    return "".join(COMMANDS.get(each, each) for each in found)


@given(st.text())
def test_every_text_is_set_as_it_is(text: str) -> None:
    assert read(escape(text)) == "".join(c if c.isprintable() else " " for c in text)


def test_hyphens_commas_and_quotes_are_no_ligatures() -> None:
    assert escape("a--b---c,,d") == "a-{}-b-{}-{}-c,{},d"
    quotes = r"\textasciigrave{}\textasciigrave{}x\textquotesingle{}\textquotesingle{} \textquotedbl{}y"
    assert escape("``x'' \"y") == quotes


def table(*rows: tuple[str, ...], columns: tuple[str, ...] = ("arm", "accuracy"), note: str = "") -> Table:
    return Table("arms", "Arms", columns, rows, note)


def test_a_table_is_a_booktabs_tabular() -> None:
    assert latex_table(table(("a_b", "12.34"), ("50% & <x>", "-"))).splitlines() == [
        "% Arms",
        r"% \usepackage{array,booktabs}",
        r"% pdfLaTeX: \usepackage[T1]{fontenc}",
        r"% XeLaTeX: \usepackage{fontspec} and a font that has the letters of all names",
        r"\begingroup\small\setlength{\tabcolsep}{4pt}%",
        r"\begin{tabular}{@{}lr@{}}",
        r"\toprule",
        r"arm & accuracy \\",
        r"\midrule",
        r"a\_\allowbreak{}b & 12.34 \\",
        r"50\% \& \textless{}x\textgreater{} & -- \\",
        r"\bottomrule",
        r"\end{tabular}",
        r"\endgroup",
    ]


def test_a_minus_is_a_minus_and_a_hyphen_a_hyphen() -> None:
    text = latex_table(table(("de-DE", "-1.20 [-3.00, 0.60]")))
    assert r"de-DE & $-$1.20 [$-$3.00, 0.60] \\" in text


@pytest.mark.parametrize("name", ["[a]", "*", "[", "*[x]"])
def test_a_row_that_begins_like_an_argument_is_none(name: str) -> None:
    rows = latex_table(table(("x", "1"), (name, "2"))).splitlines()
    assert "{}" + name + r" & 2 \\" in rows


@given(st.lists(st.tuples(st.text(max_size=60), st.text(max_size=8)), min_size=1, max_size=4), st.text())
def test_every_row_has_its_cells_and_no_comment_runs_on(rows: list[tuple[str, str]], note: str) -> None:
    text = latex_table(table(*rows, note=note))
    body = text[text.index("\\midrule\n") + 9 : text.index("\\bottomrule")].split("\n")[:-1]
    assert len(body) == len(rows)
    assert all(len(re.findall(r"(?<!\\)&", line)) == 1 and line.endswith(r" \\") for line in body)
    head = text[: text.index("\\begin")].splitlines()
    assert all(line.startswith("% ") for line in head)


def test_a_long_table_breaks_across_pages_and_long_names_across_lines() -> None:
    text = latex_table(table(*[("word " * 50, "1.0")] * (LONG + 1)))
    assert re.search(r"begin\{longtable\}\{@\{\}>\{\\raggedright\\arraybackslash\}p\{\d+\.\dpt\}r@", text)
    assert r"\endhead" in text
    assert "longtable" not in latex_table(table(*[("x", "1.0")] * LONG))


HOSTILE = "\"a\" ``b'' c--d,,e ?`f \\x{$%&#~^_<>|} [g]*" + "_very_long" * 8


def test_columns_that_do_not_fit_side_by_side_stand_below_with_the_names_of_the_rows() -> None:
    columns = ("arm", *(f"column {n}" for n in range(20)))
    text = latex_table(table(("init=teacher", *["12.34 [10.00, 15.00]"] * 20), columns=columns))
    assert text.count(r"\begin{tabular}{@{}l") > 1
    assert text.count(r"init=\allowbreak{}teacher") == text.count(r"\bottomrule")
    assert [len(re.findall(rf"column\D+{n}\b", text)) for n in range(20)] == [1] * 20


@pytest.mark.parametrize("rows", [1, LONG + 1])
def test_a_table_with_a_caption_has_its_own_environment(rows: int) -> None:
    text = latex_table(table(*[("a", "1.0")] * rows), "50% of all_arms")
    assert text.count(r"\caption{50\% of all\_\allowbreak{}arms}\label{tab:arms}") == 1
    assert (r"\begin{table}" in text) == (rows == 1)
    assert "longtable" in text or rows == 1


@pytest.mark.processes
@pytest.mark.parametrize(
    ("engine", "letters"), [("pdflatex", "é"), ("xelatex", "é \u4e2d\u6587 \u03a9 \u0414")]
)
def test_every_table_of_a_report_compiles_with_what_its_header_names(
    engine: str, letters: str, tmp_path: Path
) -> None:
    if not shutil.which(engine):
        pytest.skip(f"no {engine} here")
    study = invented_study(
        {"init": (HOSTILE + letters, "random", "teacher"), "alpha": (0.2, 1.0), "depth": tuple(range(1, 9))},
        seeds=3,
        search=2,
        languages=("<b>", "a_%", HOSTILE, f"- {letters}"),
    )
    results = Results(study)
    texts = [latex_table(table) for section in sections(results) for table in section.tables]
    paper = paper_table(results)
    assert paper is not None
    texts.append(paper)
    assert any(r"\begin{longtable}" in text for text in texts)
    heads = [line for text in texts for line in text.splitlines() if line.startswith("%")]
    other = {"pdflatex": "% XeLaTeX", "xelatex": "% pdfLaTeX"}[engine]
    packages = {
        found
        for line in heads
        if not line.startswith(other)
        for found in re.findall(r"\\usepackage\S+", line)
    }
    body = "\n\\clearpage\n".join(texts)
    body += "\n".join(
        rf"\sbox0{{{tabular}}}\typeout{{WIDTH \the\wd0}}" for tabular in tabulars("\n".join(texts))
    )
    head = ["\\documentclass[11pt]{article}", *sorted(packages), "\\textwidth16cm", "\\begin{document}"]
    document = [*head, body, "\\end{document}"]
    (tmp_path / "report.tex").write_text("\n".join(document), encoding="utf-8")
    command = [engine, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "report.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-1500:]
    assert (tmp_path / "report.pdf").stat().st_size > 0
    log = (tmp_path / "report.log").read_text("utf-8", errors="replace").replace("\n", "")
    widths = [float(width) for width in re.findall(r"WIDTH (\d+\.\d+)pt", log)]
    assert len(widths) > len(texts)
    assert max(widths) <= TEXT_WIDTH


def tabulars(text: str) -> list[str]:
    """The tables as boxes that can be measured: TeX measures no longtable, whose columns are the same."""
    short = text.replace("{longtable}", "{tabular}").replace("\\endhead\n", "")
    short = re.sub(r"\\caption.*\\\\\n", "", short)
    found = re.findall(r"^\\begin\{tabular\}.*?^\\end\{tabular\}$", short, re.DOTALL | re.MULTILINE)
    return [rf"\small\setlength{{\tabcolsep}}{{4pt}}{each}" for each in found]
