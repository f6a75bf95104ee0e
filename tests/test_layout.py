"""The walls of the layout: who imports what, and what a single trial does without."""

from __future__ import annotations

import ast
import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("study", "search_spaces", "cluster", "analysis")


@cache
def modules() -> dict[str, Path]:
    """Every module of the project by its name."""
    found = {}
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports(module: str) -> frozenset[str]:
    """What `module` imports, anywhere in it, except for annotations alone."""
    return frozenset(_imported(ast.parse(modules()[module].read_text("utf-8"))))


owners = cache(metadata.packages_distributions)


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in modules() else str(node.module)
        elif not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield from _imported(node)


def ours(module: str) -> set[str]:
    return {name for name in imports(module) if name.split(".")[0] in ROOMS}


def importers(package: str) -> set[str]:
    return {module for module in modules() if package in {name.split(".")[0] for name in imports(module)}}


def inside(room: str) -> list[str]:
    return [module for module in modules() if module == room or module.startswith(f"{room}.")]


def test_only_the_driver_and_its_workers_import_ray() -> None:
    assert importers("ray") == {"study.resources", "study.tune", "study.worker"}


def test_only_the_ledger_with_its_transactions_and_samplers_and_the_importance_import_optuna() -> None:
    of_the_ledger = {"study.ledger", *(f"study.ledger_{part}" for part in ("running", "storage", "studies"))}
    of_the_ledger |= {"study.transaction", "study.sampling"}
    assert importers("optuna") == of_the_ledger | {"analysis.search.importance"}


def test_only_what_deals_with_the_ledgers_database_and_mlflows_reader_import_sqlalchemy() -> None:
    of_the_ledger = {"study.lease", "study.patience", "study.transaction"}
    assert importers("sqlalchemy") == of_the_ledger | {"analysis.record.source"}


def test_storage_at_a_url_is_one_rooms_business() -> None:
    assert {module for module in modules() if "pyarrow.fs" in imports(module)} == {"study.trial.mirror"}


def test_mlflow_has_one_writer_and_one_reader() -> None:
    writer = {"study.tracking", "study.tracking_rows", "study.tracking_store"}
    assert importers("mlflow") == {*writer, "analysis.record.source"}


def test_a_trial_knows_nothing_of_the_study_but_its_configuration() -> None:
    outside = {name for module in inside("study.trial") for name in ours(module)} - set(inside("study.trial"))
    assert outside == {"study.config"}


def test_a_cluster_knows_nothing_of_the_engine() -> None:
    assert {name for module in inside("cluster") for name in ours(module)} == {"cluster"}


def test_the_analysis_knows_the_configuration_and_the_rule_of_selection() -> None:
    known = {name for module in inside("analysis") for name in ours(module)} - set(inside("analysis"))
    assert known == {"study.config", "study.selection"}


ANALYSIS = ("record", "statistics", "search", "verdict", "report")
"""The rooms of the analysis, in the order of the data: a room imports those before it."""


def test_the_rooms_of_the_analysis_import_one_way() -> None:
    for index, room in enumerate(ANALYSIS):
        imported = {name for module in inside(f"analysis.{room}") for name in ours(module)}
        later = {module for each in ANALYSIS[index + 1 :] for module in inside(f"analysis.{each}")}
        assert imported
        assert not imported & later, room


def test_every_file_of_the_analysis_is_in_a_room() -> None:
    in_rooms = [module for room in ANALYSIS for module in inside(f"analysis.{room}")]
    assert sorted(inside("analysis")) == sorted(["analysis", *in_rooms])


def test_the_init_of_a_room_of_the_analysis_is_a_docstring_alone() -> None:
    inits = [path for name, path in modules().items() if path.name == "__init__.py" and "analysis" in name]
    assert len(inits) > len(ANALYSIS)
    for path in inits:
        body = ast.parse(path.read_text("utf-8")).body
        assert len(body) == 1, path
        assert "Reading order" in str(ast.get_docstring(ast.Module(body, []))), path


def test_in_the_analysis_one_file_reads_mlflow_and_one_file_needs_optuna() -> None:
    here = set(inside("analysis"))
    assert importers("mlflow") & here == importers("sqlalchemy") & here == {"analysis.record.source"}
    assert importers("optuna") & here == {"analysis.search.importance"}


def test_a_search_space_needs_the_words_of_a_space_alone() -> None:
    assert {name for module in inside("search_spaces") for name in ours(module)} == {"study.space"}


def test_what_everything_rests_on_rests_on_nothing() -> None:
    assert not ours("study.config")
    assert not ours("study.selection")
    assert ours("study.space") == {"study.config", "search_spaces"}


def test_the_driver_and_its_clients_point_one_way() -> None:
    """config, space <- plan <- ledger <- tracking <- outbox <- lifecycle <- tune <- run <- cli."""
    order = ["config", "space", "plan", "sampling", "patience", "lease", "transaction", "records"]
    order += ["ledger_studies", "ledger_running", "ledger", "tracking", "outbox", "lifecycle", "status"]
    order += ["watch", "resources", "tune", "run", "sync", "cli"]
    for index, name in enumerate(order):
        later = {f"study.{each}" for each in order[index + 1 :]}
        assert not ours(f"study.{name}") & later, name


def test_nothing_imports_in_a_circle() -> None:
    graph = {module: ours(module) - {module} for module in modules()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"circle: {error.args[1]}")


def test_every_module_says_what_it_is_for() -> None:
    said = {name: ast.get_docstring(ast.parse(path.read_text("utf-8"))) for name, path in modules().items()}
    assert [name for name, text in said.items() if not text or "TBD" in text] == []


@pytest.mark.parametrize("room", ROOMS)
def test_an_import_name_has_one_owner(room: str) -> None:
    """PyPI has packages of these names; one of them in this environment would win, or be overwritten."""
    assert set(owners()[room]) == {"kdstudy"}
    spec = importlib.util.find_spec(room)
    assert spec is not None
    assert [Path(folder) for folder in spec.submodule_search_locations or ()] == [ROOT / room]


def test_a_single_trial_needs_neither_ray_nor_optuna_nor_mlflow_nor_storage_at_a_url() -> None:
    """The command as far as its request, which is wrong: everything that a trial uses is imported by then."""
    script = """
import json, sys
from study.cli import main
import study.one_trial
sys.argv = ["kdstudy", "trial", "--task", "./nowhere"]
try:
    main()
except SystemExit as end:
    code = end.code
print(json.dumps([code, sorted({"ray", "optuna", "mlflow", "pyarrow.fs", "torch"} & set(sys.modules))]))
"""
    answer = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True, timeout=300
    )
    assert json.loads(answer.stdout) == [2, ["torch"]]


def test_a_worker_imports_nothing_of_the_drivers() -> None:
    """Every worker pays for it, once a phase."""
    script = """
import json, sys
import study.worker
print(json.dumps(sorted({"optuna", "mlflow", "sqlalchemy", "torch", "study.tune"} & set(sys.modules))))
"""
    answer = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True, timeout=300
    )
    assert json.loads(answer.stdout) == ["torch"]
