"""The documents: their links lead somewhere, their commands exist, their trees name what is there."""

from __future__ import annotations

import ast
import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from cluster import Cluster, Place, registered_clusters
from study.cli.app import app
from study.config import TrialConfig
from study.planning.spaces import registered_spaces
from study.space import SearchSpace

ROOT = Path(__file__).parent.parent
ROOMS = ("study", "search_spaces", "cluster", "analysis", "tests")
DOCUMENTS = {
    path.relative_to(ROOT).as_posix(): path
    for path in [
        *sorted(ROOT.glob("*.md")),
        *(md for room in ROOMS for md in sorted((ROOT / room).rglob("*.md"))),
    ]
}
MOST_WORDS = 2_000
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")

each_document = pytest.mark.parametrize("name", DOCUMENTS)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and the number of the line that opens it."""

    language: str
    text: str
    line: int


@dataclass(frozen=True)
class Document:
    """A document: the lines outside of fenced blocks (those inside are empty here), and the blocks."""

    prose: tuple[str, ...]
    blocks: tuple[Block, ...]

    @property
    def text(self) -> str:
        return "\n".join(self.prose)

    @property
    def headings(self) -> list[str]:
        return [line.lstrip("#").strip() for line in self.prose if re.match(r"#{1,6} ", line)]

    @property
    def spans(self) -> list[str]:
        """Inline code; a span may go over the end of a line."""
        return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", self.text)]


def parse(text: str) -> Document:
    prose: list[str] = []
    blocks: list[Block] = []
    inside: list[str] | None = None
    language, opened = "", 0
    for number, line in enumerate(text.splitlines()):
        fence = re.match(r" *```(\w*)$", line)
        prose.append("" if fence or inside is not None else line)
        if fence and inside is None:
            inside, language, opened = [], fence[1], number
        elif fence and inside is not None:
            blocks.append(Block(language, "\n".join(inside), opened))
            inside = None
        elif inside is not None:
            inside.append(line)
    assert inside is None, "a block is not closed"
    return Document(tuple(prose), tuple(blocks))


@cache
def read(name: str) -> Document:
    return parse(DOCUMENTS[name].read_text("utf-8"))


def slug(heading: str) -> str:
    """The anchor that GitHub gives to a heading."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")


def anchors(document: Document) -> set[str]:
    found: set[str] = set()
    for heading in document.headings:
        base, count = slug(heading), 0
        while (anchor := f"{base}-{count}" if count else base) in found:
            count += 1
        found.add(anchor)
    return found


def links(document: Document) -> list[str]:
    """Targets of links and pictures that are no URL."""
    text = re.sub(r"`[^`]+`", "code", document.text)
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    return [target for target in targets if not re.match(r"[a-z]+://|mailto:", target)]


def commands(document: Document) -> list[str]:
    """Lines of shell in blocks without a language, and inline code, that start one of our commands."""
    lines: list[str] = []
    for block in document.blocks:
        if block.language in ("", "bash", "sh"):
            lines += block.text.replace("\\\n", " ").splitlines()
    ours = r"(?:[A-Z_]+=\S+ )*(?:kdstudy|make|pytest|python -m|pip)(?: |$)"
    return [line.strip() for line in (*lines, *document.spans) if re.match(ours, line.strip())]


def wrong(command: str) -> Iterator[str]:
    """What is wrong with a command: a name, an option, a target, a module or a file that does not exist."""
    words = shlex.split(command, comments=True)
    while re.fullmatch(r"[A-Z_]+=.*", words[0]):
        variable = words.pop(0).partition("=")[0]
        if not any(variable in source for source in (MAKEFILE, sources_of_tests())):
            yield f"nothing reads {variable}"
    program, *rest = words
    if program == "kdstudy":
        yield from wrong_kdstudy(rest)
    elif program == "make":
        yield from wrong_make(rest)
    elif program == "python" and rest[1] != "pytest":
        yield from wrong_module(rest[1], rest[2:])
    else:
        extras = PYPROJECT["project"]["optional-dependencies"]
        for word in rest:
            if word.startswith("tests/") and not (ROOT / word).exists():
                yield f"{word} does not exist"
            for extra in re.findall(r"^\.\[(.*)\]$", word):
                yield from (f"no extra {each}" for each in extra.split(",") if each not in extras)


def wrong_kdstudy(words: list[str]) -> Iterator[str]:
    command: Any = typer.main.get_command(app)
    plain: list[str] = []
    while words:
        word = words.pop(0)
        option, equals, _ = word.partition("=")
        if word in ("...", "|") or option == "--help":
            continue
        if word.startswith("--"):
            known = {o: param for param in command.params for o in (*param.opts, *param.secondary_opts)}
            if option not in known:
                yield f"{command.name or 'kdstudy'} has no option {option}"
                return
            elif not equals and not getattr(known[option], "is_flag", False):
                value = words.pop(0) if words else ""
                yield from wrong_value(option, value)
        elif hasattr(command, "commands"):
            if word not in command.commands:
                yield f"no command {word}"
                return
            command = command.commands[word]
        else:
            plain.append(word)
    positions = sum(param.param_type_name == "argument" for param in getattr(command, "params", ()))
    if len(plain) > positions:
        yield f"{command.name} takes {positions} words, not {plain}"
    if plain and command.name in ("plan", "run"):
        space = plain[0]
        if not (space.isupper() or space.endswith(".py") or space in registered_spaces()):
            yield f"no space {space}"


def wrong_value(option: str, value: str) -> Iterator[str]:
    if not value:
        yield f"{option} needs a value"
    elif option == "--set" and (key := value.partition("=")[0]) not in {"key", *TrialConfig.model_fields}:
        yield f"--set {key}: no such hyperparameter"


def wrong_make(words: list[str]) -> Iterator[str]:
    targets = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE))
    for word in words:
        variable, equals, value = word.partition("=")
        if equals and f"$({variable})" not in MAKEFILE and f"$(if $({variable})" not in MAKEFILE:
            yield f"make knows no {variable}"
        elif equals and value.startswith("tests/") and not (ROOT / value).exists():
            yield f"{value} does not exist"
        elif not equals and word not in targets:
            yield f"make knows no target {word}"


def wrong_module(module: str, words: list[str]) -> Iterator[str]:
    path = ROOT.joinpath(*module.split(".")).with_suffix(".py")
    if not path.exists():
        yield f"no module {module}"
        return
    source = path.read_text("utf-8")
    yield from (f"{module} has no option {w}" for w in words if w.startswith("--") and f'"{w}"' not in source)


@cache
def sources_of_tests() -> str:
    return "".join(
        path.read_text("utf-8") for path in (ROOT / "tests").rglob("*.py") if path != Path(__file__)
    )


def tree_of(block: Block) -> dict[str, bool]:
    """The paths that an indented tree names, and whether each is a folder."""
    paths: dict[str, bool] = {}
    above: list[str] = []
    for line in block.text.splitlines():
        entry = re.match(r"( *)(\S+?)(/?)(?: {2,}\S.*)?$", line)
        assert entry, f"a tree has one name a line: {line!r}"
        depth = len(entry[1]) // 2
        above = [*above[:depth], entry[2]]
        path = "/".join(above)
        assert path not in paths, f"{path} is named twice"
        paths[path] = bool(entry[3])
    return paths


@cache
def trees() -> dict[str, dict[str, bool]]:
    """The tree of each room's README; that of the front page is the project's, called "."."""
    found = {}
    for name in DOCUMENTS:
        for block in read(name).blocks:
            first = block.text.partition("\n")[0]
            if block.language == "text" and first.rstrip("/") in CLOSED:
                found[first.rstrip("/")] = tree_of(block)
            elif block.language == "text" and block.text.startswith("README.md"):
                found["."] = tree_of(block)
    return found


def there(folder: Path, named: dict[str, bool]) -> dict[str, bool]:
    """The paths that a tree of `folder` has to name: no content of folders of which `named` has none."""
    found: dict[str, bool] = {}

    def look(into: Path) -> None:
        for path in sorted(into.iterdir()):
            key = path.relative_to(folder.parent if folder != ROOT else ROOT).as_posix()
            inside = {each.suffix for each in path.rglob("*")} if path.is_dir() else set()
            if inside & TOLD and not path.name.startswith((".", "__")):
                found[key] = True
                if any(other.startswith(f"{key}/") for other in named):
                    look(path)
            elif path.is_file() and is_told(path):
                found[key] = False

    look(folder)
    return found


def is_told(path: Path) -> bool:
    """Whether a tree names this file: not a room's own mark and README, and no test but what tests share."""
    if path.parent == ROOT:
        return path.suffix in (".md", ".cff", ".toml", ".txt") or path.name in ("Makefile", "LICENSE")
    if path.name in ("__init__.py", "README.md"):
        return False
    return path.suffix in TOLD and not path.name.startswith("test_")


TOLD = {".py", ".md", ".sql", ".ini", ".yaml"}
"""The kinds of files that a tree names."""


CLOSED = {
    ".": {
        "search_spaces",
        "cluster",
        "analysis",
        "tests",
        *(
            f"study/{room}"
            for room in ("storage", "trial", "planning", "ledger", "tracking", "driver", "cli")
        ),
    },
    "study": {"study/trial/data/phrasebook/languages"},
    "cluster": set(),
    "analysis": {"analysis/report/sections", "analysis/report/figures"},
    "tests": {path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").iterdir() if path.is_dir()},
}
"""Trees that are checked, and the folders that each names without what is in them."""


@pytest.mark.parametrize("room", CLOSED)
def test_a_tree_names_what_is_there_and_nothing_else(room: str) -> None:
    named = dict(trees()[room])
    if room != ".":
        assert named.pop(room)
    found = there(ROOT / room, named)
    assert {"missing": sorted(found.keys() - named.keys()), "gone": sorted(named.keys() - found.keys())} == {
        "missing": [],
        "gone": [],
    }
    assert named == found, "a folder's name ends with a slash"
    leaves = {
        path for path, folder in named.items() if folder and not any(o.startswith(f"{path}/") for o in named)
    }
    assert leaves <= CLOSED[room]


@each_document
def test_links_lead_somewhere(name: str) -> None:
    broken = []
    for target in links(read(name)):
        file, _, anchor = target.partition("#")
        path = (DOCUMENTS[name].parent / file).resolve() if file else DOCUMENTS[name]
        if not path.exists():
            broken.append(f"{target}: no such file")
        elif anchor and path.suffix == ".md" and anchor not in anchors(parse(path.read_text("utf-8"))):
            broken.append(f"{target}: no such heading")
    assert broken == []


@each_document
def test_files_that_are_named_exist(name: str) -> None:
    """Inline code that is a path with a folder, from the top or from the document's own folder."""
    paths = [
        span
        for span in read(name).spans
        if re.fullmatch(r"[\w-]+(/[\w.-]+)+\.(py|md|toml)|tests/[\w/]+/?", span)
    ]
    gone = [p for p in paths if not ((ROOT / p).exists() or (DOCUMENTS[name].parent / p).exists())]
    assert gone == []


@each_document
def test_commands_are_real(name: str) -> None:
    assert [f"{command}: {fault}" for command in commands(read(name)) for fault in wrong(command)] == []


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        ("kdstudy rnu quickstart", "no command rnu"),
        ("kdstudy run quikstart", "no space quikstart"),
        ("kdstudy run quickstart --trails 4", "run has no option --trails"),
        ("kdstudy run quickstart --set lr=1", "--set lr: no such hyperparameter"),
        ("kdstudy report one two", "report takes 1 words, not ['one', 'two']"),
        ("make tset", "make knows no target tset"),
        ("make test FILES=tests/conftest.py", "make knows no FILES"),
        ("KDSTUDY_CHAOS_SEDE=1 make chaos", "nothing reads KDSTUDY_CHAOS_SEDE"),
        ("python -m tests.benchmarks.resmue 1000", "no module tests.benchmarks.resmue"),
        (
            "python -m tests.benchmarks.machine --olny embedded",
            "tests.benchmarks.machine has no option --olny",
        ),
        ("python -m pytest tests/test_nothing.py", "tests/test_nothing.py does not exist"),
        ('pip install -e ".[bnech]"', "no extra bnech"),
    ],
)
def test_a_command_that_does_not_exist_is_found(command: str, fault: str) -> None:
    assert list(wrong(command)) == [fault]


@each_document
def test_python_in_a_document_is_python_and_what_it_exports_is_valid(name: str) -> None:
    for block in read(name).blocks:
        if block.language == "python":
            ast.parse(block.text)
            if "SPACE =" in block.text or "CLUSTER =" in block.text:
                made: dict[str, Any] = {}
                exec(block.text, made)
                assert isinstance(made.get("SPACE") or made.get("CLUSTER"), SearchSpace | Cluster | Place)


def test_the_front_page_is_short() -> None:
    assert len(DOCUMENTS["README.md"].read_text("utf-8").split()) <= MOST_WORDS


@pytest.mark.parametrize("name", ["README.md", "RESULTS.md"])
def test_what_a_command_printed_stands_below_the_command(name: str) -> None:
    document = read(name)
    for block in document.blocks:
        if "───" in block.text:
            heading = max(
                n for n, line in enumerate(document.prose) if line.startswith("#") and n < block.line
            )
            between = "\n".join(document.prose[heading : block.line])
            between += "".join(b.text for b in document.blocks if heading < b.line < block.line)
            printed_by = r"kdstudy (run|report)|python -m tests\.benchmarks\.\w+"
            assert re.search(printed_by, between), block.text.splitlines()[:3]


def test_each_result_has_its_commit_its_date_and_its_command() -> None:
    rows = [line for line in read("RESULTS.md").prose if line.startswith("| [")]
    assert rows
    for row in rows:
        _, what, commit, date, command = (cell.strip() for cell in row.split("|")[:5])
        assert re.fullmatch(r"\[.*\]\(#.*\)", what)
        assert re.fullmatch(r"`[0-9a-f]{7}`(, `[0-9a-f]{7}`)*", commit)
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", date)
        assert "--sampler" in command or re.search("`(kdstudy|python)|reports", command)


def test_the_questions_in_the_table_are_the_spaces_that_there_are() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", read("search_spaces/README.md").text, re.MULTILINE)
    assert {name for name, question in rows if question.endswith("?")} == registered_spaces().keys()


def test_the_places_in_the_table_are_the_clusters_that_there_are() -> None:
    text = read("cluster/README.md").text.partition("## ")[0]
    assert set(re.findall(r"^\| `(\w+)`", text, re.MULTILINE)) == registered_clusters().keys()


def test_the_table_of_settings_has_its_place() -> None:
    text = DOCUMENTS["search_spaces/README.md"].read_text("utf-8")
    before, begin, rest = text.partition("<!-- settings: begin -->")
    _, end, after = rest.partition("<!-- settings: end -->")
    assert begin
    assert end
    assert "<!-- settings:" not in before + after


def test_the_versions_are_one() -> None:
    version = PYPROJECT["project"]["version"]
    changelog = re.findall(r"^## \[(.*?)\]", DOCUMENTS["CHANGELOG.md"].read_text("utf-8"), re.MULTILINE)
    assert changelog[0] == version
    assert f"version: {version}" in (ROOT / "CITATION.cff").read_text("utf-8").splitlines()
    assert f"version = {{{version}}}" in DOCUMENTS["README.md"].read_text("utf-8")


def test_the_citation_is_what_its_format_asks_for() -> None:
    """Citation File Format 1.2.0: the keys that it requires, and those that are used here."""
    import yaml  # type: ignore[import-untyped, unused-ignore]

    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert citation.keys() >= {"message", "title", "authors"}
    assert citation["type"] == "software"
    assert citation["license"] == PYPROJECT["project"]["license"]
    (paper,) = citation["references"]
    assert paper.keys() >= {"type", "title", "authors"}
    assert [each["value"] for each in paper["identifiers"]] == ["arXiv:2406.16524"]
    for author in (*citation["authors"], *paper["authors"]):
        assert author.keys() in ({"name"}, {"family-names"}, {"family-names", "given-names"})
