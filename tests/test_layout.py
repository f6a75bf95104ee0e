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


WORDS = ("config", "errors", "space", "optimum", "selection", "front", "streams", "home")
ORDER = ("storage", "trial", "planning", "ledger", "tracking", "driver", "cli")
"""The rooms of `study/`: each may import from those before it, and from the words."""


def room_of(module: str) -> str:
    """The room of a module of `study/`, or the module's own name for one of the words."""
    return module.split(".")[1] if "." in module else ""


def rooms_of(names: set[str]) -> set[str]:
    """The rooms of those of `names` that are in `study/`."""
    return {room_of(name) for name in names if name.startswith("study.")}


def test_the_engine_is_eight_files_and_seven_rooms() -> None:
    there = {p.stem for p in (ROOT / "study").iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    assert there == {"__init__", *WORDS, *ORDER}


@pytest.mark.parametrize("module", [name for name in modules() if room_of(name) in ORDER])
def test_the_rooms_of_the_engine_import_one_way(module: str) -> None:
    """storage <- trial <- planning <- ledger <- tracking <- driver <- cli."""
    below = {*WORDS, *ORDER[: ORDER.index(room_of(module)) + 1]}
    assert rooms_of(ours(module)) <= below


def test_the_words_import_no_room_but_the_place_where_things_are_stored() -> None:
    known = {word: rooms_of(ours(f"study.{word}")) for word in WORDS}
    assert known == {
        "config": {"errors"},
        "errors": set(),
        "space": {"config", "errors"},
        "optimum": set(),
        "selection": {"config", "optimum"},
        "front": set(),
        "streams": set(),
        "home": {"errors", "storage"},
    }
    stored = set().union(*(rooms_of(ours(module)) for module in inside("study.storage")))
    assert stored <= {"storage", "config", "errors"}


def test_what_marks_a_room_imports_nothing() -> None:
    """A worker would import the driver otherwise, and `status` would import MLflow."""
    marks = [name for name, path in modules().items() if path.name == "__init__.py"]
    rooms = [name for name in marks if name.startswith("study.")]
    assert {name: imports(name) for name in rooms if imports(name)} == {}


def test_only_the_driver_imports_ray() -> None:
    assert rooms_of(importers("ray")) == {"driver"}


def test_only_the_ledger_and_the_importance_import_optuna() -> None:
    assert rooms_of(importers("optuna")) == {"ledger"}
    assert importers("optuna") - set(inside("study")) == {"analysis.search.importance"}


def test_only_the_ledger_mlflows_store_and_mlflows_reader_import_sqlalchemy() -> None:
    in_study = importers("sqlalchemy") & set(inside("study"))
    assert rooms_of(in_study - {"study.tracking.grouped"}) == {"ledger"}
    assert importers("sqlalchemy") - set(inside("study")) == {"analysis.record.source"}


def test_storage_at_a_url_is_one_files_business() -> None:
    assert {module for module in modules() if "pyarrow.fs" in imports(module)} == {"study.storage.mirror"}


def test_mlflow_has_one_writer_and_one_reader() -> None:
    assert rooms_of(importers("mlflow")) == {"tracking"}
    assert importers("mlflow") - set(inside("study")) == {"analysis.record.source"}


def test_a_trial_knows_nothing_of_the_study_but_its_configuration_and_the_store() -> None:
    known = set().union(*(rooms_of(ours(module)) for module in inside("study.trial")))
    assert known == {"trial", "storage", "config", "errors", "streams"}


def test_a_cluster_knows_nothing_of_the_engine() -> None:
    known = {name for module in inside("cluster") for name in ours(module)}
    assert known <= set(inside("cluster"))


def test_a_file_of_a_cluster_is_written_as_yaml_in_one_place() -> None:
    assert importers("yaml") == {"cluster.submission.launcher"}


def test_the_analysis_knows_six_files_of_the_engine_that_import_no_room() -> None:
    known = {name for module in inside("analysis") for name in ours(module)} - set(inside("analysis"))
    words, registries = {"config", "errors", "front", "selection"}, {"costs", "samplers"}
    assert known == {f"study.{name}" for name in words} | {f"study.planning.{name}" for name in registries}
    for name in registries:
        assert ours(f"study.planning.{name}") <= {"study.errors", "study.streams"}


ANALYSIS = ("record", "statistics", "search", "sweep", "verdict", "report")
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


def test_a_search_space_needs_the_words_of_a_space_alone() -> None:
    assert {name for module in inside("search_spaces") for name in ours(module)} == {"study.space"}


def test_nothing_imports_in_a_circle() -> None:
    graph = {module: ours(module) - {module} for module in modules()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"circle: {error.args[1]}")


def test_every_module_says_what_it_is_for() -> None:
    said = {name: ast.get_docstring(ast.parse(path.read_text("utf-8"))) for name, path in modules().items()}
    assert [name for name, text in said.items() if not text or "TBD" in text] == []


ABOUT_MORE = {
    "test_layout": "the walls between all modules",
    "test_lanes": "which tests run",
    "test_documents": "what the documents say",
    "test_calibration": "every interval and the audit, on simulated studies",
    "test_light": "which commands load none of the slow packages",
    "test_refusals": "requests that every command refuses",
    "test_encoders": "every command that reads a model, on encoders of the library and on broken ones",
    "test_lifecycle_kills": "lifecycle, when a driver is killed before any of its writes",
    "test_lifecycle_stops": "lifecycle, when a study stops",
    "test_lifecycle_away": "lifecycle, while MLflow or the ledger is away",
    "test_command": "the command `report`, from the record to its pages",
    "test_team_for_real": "the recipe of cluster/team, with the servers that it names",
    "test_planning": "which students a model can have: stack, init methods and layer maps",
    "test_packing": "nodes, resources and room, on a real Ray of nodes that differ",
    "test_hosts_for_real": "running, on a real Ray of several hosts",
    "test_autoscaler_for_real": "running, on a real Ray with an autoscaler",
    "test_jobs_for_real": "running, in a job of a real Ray",
    "test_slurm_jobs": "slurm: the script under a real Slurm, with stand-ins for Ray and the study",
    "test_slurm_for_real": "slurm, under a real Slurm",
    "test_stale_outputs": "prepare and inputs, when a teacher has been built again",
}
"""Files of tests that are about more than one module, or about none."""


def test_the_tests_of_a_room_are_named_for_its_modules() -> None:
    """tests/ROOM/test_X.py is about a module X somewhere in that room, or about the room X itself."""
    lonely = []
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        folders, name = path.relative_to(ROOT / "tests").parts[:-1], path.stem.removeprefix("test_")
        if folders[:1] in (("end_to_end",), ("chaos",), ("benchmarks",)):
            continue  # of the whole, and of what lies beside them
        room = (
            ROOT.joinpath(*folders)
            if folders[:1] and folders[0] in ROOMS
            else ROOT.joinpath("study", *folders)
        )
        known = {module.stem for module in room.rglob("*.py")} | {
            f.name for f in room.rglob("*") if f.is_dir()
        }
        if name not in known | {room.name} and path.stem not in ABOUT_MORE:
            lonely.append(str(path.relative_to(ROOT)))
    assert lonely == []


def _public_functions(tree: ast.AST, owner: str = "") -> Iterator[tuple[str, int]]:
    """(name, number of parameters) of the public functions, and of the classes' public methods."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from _public_functions(node, f"{node.name}.")
        elif isinstance(node, ast.FunctionDef) and (not node.name.startswith("_") or node.name == "__init__"):
            named = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            given = [argument for argument in named if argument.arg not in ("self", "cls")]
            yield owner + node.name, len(given)


def test_what_always_travels_together_is_an_object() -> None:
    """No public function has more than six parameters. (Commands have their options in groups.)"""
    many = {
        f"{module}:{name}": count
        for module, path in modules().items()
        for name, count in _public_functions(ast.parse(path.read_text("utf-8")))
        if count > 6
    }
    assert many == {}


@pytest.mark.parametrize("room", ROOMS)
def test_an_import_name_has_one_owner(room: str) -> None:
    """PyPI has packages of these names; one of them in this environment would win, or be overwritten."""
    assert set(owners()[room]) == {"kdstudy"}
    spec = importlib.util.find_spec(room)
    assert spec is not None
    assert [Path(folder) for folder in spec.submodule_search_locations or ()] == [ROOT / room]


@pytest.mark.processes
def test_a_single_trial_needs_neither_ray_nor_optuna_nor_mlflow_nor_storage_at_a_url() -> None:
    """The command as far as its request, which is wrong: everything that a trial uses is imported by then."""
    script = """
import json, sys
from study.cli.app import main
import study.planning.base_model, study.trial.prepare, study.trial.training, study.trial.trial
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


LIGHT = (
    "study.trial.job",
    "study.trial.inputs",
    "study.trial.prepare",
    "study.trial.progress",
    "study.trial.result",
    "study.trial.scores",
    "study.trial.memory",
    "study.trial.data.task",
    "study.trial.data.sources",
    "study.trial.data.fractions",
    "study.trial.data.vocabulary",
    "study.trial.models.init_methods",
    "study.trial.models.layer_maps",
    "study.trial.losses.distillation",
)
"""What commands that train nothing need of a trial: its facts, its keys, and the names of its choices."""


HEAVY = ("torch", "transformers", "datasets")


@pytest.mark.processes
def test_what_is_known_of_a_trial_is_known_without_torch() -> None:
    """In an interpreter of its own: importing torch, transformers or datasets takes seconds."""
    script = f"""
import importlib, json, sys
loaded = {{}}
for module in {LIGHT}:
    importlib.import_module(module)
    loaded[module] = [name for name in {HEAVY} if name in sys.modules]
print(json.dumps(loaded))
"""
    answer = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True, timeout=300
    )
    assert json.loads(answer.stdout) == {module: [] for module in LIGHT}


@pytest.mark.processes
def test_the_choices_of_a_trial_are_listed_without_torch() -> None:
    script = f"""
import json, sys
from study.trial.losses.distillation import distillation_losses
from study.trial.models.init_methods import init_methods
from study.trial.models.layer_maps import layer_maps
listed = []
for choices in (init_methods(), layer_maps(), distillation_losses()):
    listed.append({{name: choice.about for name, choice in choices.items()}})
print(json.dumps([listed, [name for name in {HEAVY} if name in sys.modules]]))
"""
    answer = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True, timeout=300
    )
    listed, loaded = json.loads(answer.stdout)
    assert loaded == []
    assert [sorted(choices) for choices in listed] == [
        ["base", "random", "teacher"],
        ["average", "ends", "first", "last", "uniform"],
        ["kl", "mse"],
    ]
    assert all(about for choices in listed for about in choices.values())


@pytest.mark.processes
def test_a_worker_imports_nothing_of_the_drivers() -> None:
    """Every worker pays for it, once a phase."""
    script = """
import json, sys
import study.driver.worker
print(json.dumps(sorted({"optuna", "mlflow", "sqlalchemy", "torch", "study.driver.tune"} & set(sys.modules))))
"""
    answer = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True, timeout=300
    )
    assert json.loads(answer.stdout) == ["torch"]


@pytest.mark.processes
@pytest.mark.parametrize("room", ["study.planning", "study.storage", "study.home", "study.ledger"])
def test_planning_and_the_memory_of_a_study_load_no_torch(room: str) -> None:
    """`status` and the resume of a finished study use these modules and read no model."""
    script = f"""
import importlib, json, sys
for module in {inside(room)!r}:
    importlib.import_module(module)
print(json.dumps(sorted({{"torch", "transformers", "datasets"}} & set(sys.modules))))
"""
    answer = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True, timeout=300
    )
    assert json.loads(answer.stdout) == []
