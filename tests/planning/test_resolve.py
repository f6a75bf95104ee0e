"""A request is resolved: checked as far as possible without writing; an error is one line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from study.errors import RequestError
from study.planning.base_model import store_model
from study.planning.plan import Plan
from study.planning.request import Request
from study.planning.resolve import resolve, resolve_again
from study.space import Range, SearchSpace
from study.storage.artifacts import Store
from study.trial.prepare import Preparation

BuildTask = Callable[..., Path]


def space(**roles: Any) -> SearchSpace:
    return SearchSpace(**{"question": "why?", "trials": 2} | roles)


@pytest.fixture
def request_(task_folder: Path, model_folder: Path) -> Request:
    """The tiny task and the tiny base model, of four layers."""
    return Request("demo", task=str(task_folder), model=str(model_folder))


def test_a_request_becomes_a_plan_on_its_task_and_model(request_: Request, tmp_path: Path) -> None:
    resolved = resolve(request_, "demo", space(fixed={"depth": "1/2"}), Store(tmp_path / "store"))
    assert resolved.plan.constants["task"] == resolved.task.fingerprint
    assert resolved.plan.constants["model"] == resolved.model.fingerprint
    assert (resolved.plan.constants["model_layers"], resolved.plan.space.fixed["depth"]) == (4, 2)
    assert resolved.plan.request == request_.recorded()
    assert not (tmp_path / "store").exists()


def test_the_embedded_model_has_no_fingerprint_before_it_is_built(request_: Request, tmp_path: Path) -> None:
    resolved = resolve(Request("demo", task=request_.task), "demo", space(), Store(tmp_path))
    assert resolved.model.fingerprint is None
    assert (resolved.plan.constants["model"], resolved.plan.constants["model_layers"]) == ("", 4)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("roles", "complaint"),
    [
        (
            {"scientific": {"loss": ("kl", "cosine")}},
            "loss: no distillation loss 'cosine'; there are kl, mse",
        ),
        ({"nuisance": {"init": ("base", "magic")}}, "init: "),
        ({"fixed": {"layer_map": "spiral"}}, "layer_map: "),
        ({"fixed": {"depth": 5}}, "depth 5 is more than the 4 layers of the model"),
        (
            {"fixed": {"max_length": 129}},
            "max_length: the model's position embeddings reach 128 tokens, not 129",
        ),
        ({"nuisance": {"warmup": Range(low=0, high=3)}}, "warmup: "),
    ],
)
def test_a_space_that_the_model_cannot_serve_is_refused_in_one_line(
    request_: Request, tmp_path: Path, roles: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(RequestError) as error:
        resolve(request_, "demo", space(**roles), Store(tmp_path))
    assert str(error.value).startswith(complaint)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("roles", "hint"),
    [
        ({"fixed": {"init": "techer"}}, "init: no init method 'techer' (did you mean teacher?); there are "),
        ({"fixed": {"layer_map": "unifrom"}}, "layer_map: no layer map 'unifrom' (did you mean uniform?); "),
        ({"fixed": {"loss": "mes"}}, "loss: no distillation loss 'mes' (did you mean mse?); there are "),
        ({"sampler": "quazi"}, "sampler: no such sampler as quazi (did you mean quasi?); there are "),
        ({"pruner": "media"}, "pruner: no such pruner as media (did you mean median?); there are "),
    ],
)
def test_a_name_of_a_space_that_is_misspelt_gets_a_hint(
    request_: Request, tmp_path: Path, roles: dict[str, Any], hint: str
) -> None:
    with pytest.raises(RequestError) as error:
        resolve(request_, "demo", space(**roles), Store(tmp_path))
    assert str(error.value).startswith(hint)


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({"task": "phrasbook"}, "phrasbook: no such task or folder (did you mean phrasebook?); tasks are "),
        (
            {"cluster": "lcoal"},
            "--cluster lcoal: no such cluster; there are aws, gcp, kubernetes, local, running, slurm, ssh",
        ),
    ],
)
def test_a_name_of_a_request_that_is_misspelt_gets_a_hint(
    request_: Request, tmp_path: Path, changes: dict[str, Any], hint: str
) -> None:
    with pytest.raises(RequestError) as error:
        resolve(Request(**request_.recorded() | changes), "demo", space(), Store(tmp_path))
    assert str(error.value).startswith(hint)
    assert "(did you mean " in str(error.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"task": "./nowhere"}, "nowhere"),
        ({"task": "fhrasebook"}, "fhrasebook"),
        ({"languages": ("deu", "xxx")}, "xxx"),
        ({"model": "./nowhere"}, "nowhere"),
        ({"teacher": "./nowhere"}, "nowhere"),
    ],
)
def test_what_is_not_there_is_named_in_one_line(
    request_: Request, tmp_path: Path, changes: dict[str, Any], complaint: str
) -> None:
    wrong = Request(**request_.recorded() | changes)
    with pytest.raises(RequestError, match=rf"^[^\n]*{complaint}[^\n]*$"):
        resolve(wrong, "demo", space(), Store(tmp_path))


def test_a_given_teacher_needs_its_base_model(request_: Request, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"^--teacher: needs --model as well"):
        resolve(Request("demo", task=request_.task, teacher="./t"), "demo", space(), Store(tmp_path))


def test_a_resume_needs_no_folder_that_the_study_was_begun_from(
    build_task_folder: BuildTask, build_model_folder: Callable[..., Path], tmp_path: Path
) -> None:
    """Task and base model are in the store by then, and the plan in the ledger as JSON."""
    folder = build_task_folder(tmp_path / "task", rows={"train": 4, "dev": 2, "test": 2}, seed=5)
    model_folder = build_model_folder(tmp_path / "model", layers=2, seed=5)
    store = Store(tmp_path / "store")
    request = Request("demo", task=str(folder), languages=("hau", "deu"), model=str(model_folder))
    resolved = resolve(request, "demo", space(), store)
    Preparation(store).store_task(resolved.task)
    store_model(store, request.model, 1)
    for path in (folder, model_folder):
        path.rename(path.with_name(f"{path.name}-gone"))
    again = resolve_again(Plan.model_validate_json(resolved.plan.model_dump_json()), store)
    assert again.request == request
    assert again.task.fingerprint == resolved.task.fingerprint
    assert again.model.fingerprint == resolved.model.fingerprint
    assert again.plan.identity() == resolved.plan.identity()


@pytest.mark.processes
def test_a_resume_from_the_store_loads_no_torch(request_: Request, tmp_path: Path) -> None:
    """So the resume of a finished study is quick."""
    store = Store(tmp_path / "store")
    resolved = resolve(request_, "demo", space(), store)
    Preparation(store).store_task(resolved.task)
    store_model(store, request_.model, 1)
    (tmp_path / "plan.json").write_text(resolved.plan.model_dump_json())
    script = """
import json, sys
from pathlib import Path
from study.planning.plan import Plan
from study.planning.resolve import resolve_again
from study.storage.artifacts import Store
root = Path(sys.argv[1])
again = resolve_again(Plan.model_validate_json((root / "plan.json").read_text()), Store(root / "store"))
loaded = sorted({"torch", "transformers", "datasets"} & set(sys.modules))
print(json.dumps([again.task.fingerprint, again.model.fingerprint, loaded]))
"""
    answer = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
        cwd=Path(__file__).parents[2],
    )
    assert json.loads(answer.stdout) == [resolved.task.fingerprint, resolved.model.fingerprint, []]


def test_a_resume_without_the_store_reads_the_folders_again(request_: Request, tmp_path: Path) -> None:
    resolved = resolve(request_, "demo", space(), Store(tmp_path))
    again = resolve_again(resolved.plan, Store(tmp_path))
    assert again.task.fingerprint == resolved.task.fingerprint
    assert again.model.fingerprint == resolved.model.fingerprint


@pytest.mark.parametrize("name", ["sampler", "pruner"])
def test_a_resume_is_refused_if_this_program_has_no_such_sampler_or_pruner(
    request_: Request, tmp_path: Path, name: str
) -> None:
    """The study was begun by another version of the program."""
    plan = resolve(request_, "demo", space(), Store(tmp_path)).plan
    newer = plan.model_copy(update={"space": plan.space.model_copy(update={name: "newest"})})
    with pytest.raises(RequestError, match=rf"^{name}: no such {name} as newest; there are "):
        resolve_again(newer, Store(tmp_path))


def test_a_resume_without_the_store_is_refused_where_the_task_has_changed(
    build_task_folder: BuildTask, model_folder: Path, tmp_path: Path
) -> None:
    request = Request("demo", task=str(build_task_folder(tmp_path / "task")), model=str(model_folder))
    resolved = resolve(request, "demo", space(), Store(tmp_path / "store"))
    build_task_folder(tmp_path / "task", seed=1)
    with pytest.raises(RequestError, match=r"/task: is not the task any more that demo was begun with$"):
        resolve_again(resolved.plan, Store(tmp_path / "store"))


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """The depths of the models that take a first step, for each call."""
    from study.trial import first_step

    seen: list[list[int]] = []
    check = first_step.check_first_step

    def counted(folder: Path, shapes: Any, *others: Any) -> None:
        seen.append([len(groups) for _, groups in shapes])
        check(folder, shapes, *others)

    monkeypatch.setattr(first_step, "check_first_step", counted)
    return seen


def test_the_teacher_and_each_shape_of_student_take_a_first_step(
    request_: Request, tmp_path: Path, steps: list[list[int]]
) -> None:
    resolve(
        request_, "demo", space(scientific={"init": ("random", "base"), "depth": (1, 2)}), Store(tmp_path)
    )
    assert steps == [[4, 1, 2, 2]]  # both inits have layer 0 alone at depth 1
    assert list(tmp_path.iterdir()) == []


def test_no_step_is_taken_if_the_teachers_outputs_are_in_the_store_nor_at_a_resume(
    workshop: Any, request_: Request, steps: list[list[int]]
) -> None:
    config = workshop.config()
    recipe = {
        name: getattr(config, name)
        for name in ("teacher_steps", "teacher_batch_size", "teacher_learning_rate")
    }
    workshop.inputs(config)
    resolved = resolve(request_, "demo", space(fixed=recipe), workshop.store)
    assert steps == []
    resolve_again(resolved.plan, workshop.store)
    assert steps == []
    resolve(request_, "demo", space(fixed=recipe | {"teacher_seed": 7}), workshop.store)
    assert steps == [[4, 2]]
