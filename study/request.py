"""A request: what a user asked for, checked as far as can be without writing anything.

`plan_for` turns it into a plan; everything that is wrong with a request is raised here, before the first
byte is written or the first trial waits.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from study.base_model import EMBEDDED, Model, find_model, find_teacher
from study.capacity import (
    Machine,
    Need,
    check_room,
    estimated_extent,
    known_extent,
    largest,
    need_of,
    share_of_gpu,
    this_machine,
)
from study.config import TrialConfig
from study.errors import RequestError
from study.plan import ModelFacts, Plan
from study.space import SearchSpace
from study.storage.artifacts import Store
from study.trial.data.sources import load_task, registered_tasks
from study.trial.data.task import Task, load_saved_task
from study.trial.inputs import Inputs
from study.trial.losses import distillation_losses
from study.trial.models import check_possible, read_config

__all__ = ["Asked", "Request", "absolute", "ask_again", "memory_of", "plan_for", "uses_gpus"]


@dataclass(frozen=True)
class Request:
    """On what, from which models, and where to run. Folders are absolute, so that a resume finds them."""

    space: str
    task: str = "phrasebook"
    languages: tuple[str, ...] | None = None
    drop_shared: bool = False
    full_vocabulary: bool = False
    model: str = EMBEDDED
    teacher: str = ""
    cluster: str = "local"
    concurrency: int | None = None
    cpus_per_trial: float | None = None
    gpus_per_trial: float | Literal["auto"] | None = None

    def recorded(self) -> dict[str, Any]:
        """As the ledger keeps it."""
        return asdict(self)


@dataclass(frozen=True)
class Asked:
    """A request that can be served."""

    request: Request
    task: Task
    model: Model
    plan: Plan
    store: Store

    @cached_property
    def need(self) -> Need:
        """What the plan's largest trial takes; estimated from the task's texts until they are tokenised."""
        config, base, whole = largest(self.plan), self.model.config, self.request.full_vocabulary
        inputs = Inputs(self.store, config, whole)
        built = [("tasks", config.task), ("models", config.model), ("tokens", inputs.tokens_key)]
        built += [] if whole else [("vocabularies", inputs.vocabulary_key)]
        if all(self.store.has(kind, key) for kind, key in built):
            return need_of(config, base, known_extent(inputs))
        texts = estimated_extent(self.task, base, self.model.folder, config.max_length, whole)
        return need_of(config, base, texts)


def plan_for(request: Request, name: str, space: SearchSpace, store: Store) -> Asked:
    """Load and check the task, look at the models, and resolve the space for them. Writes nothing.

    Raises:
        RequestError: for anything that cannot be served, naming it in one line.
    """
    task = load_task(request.task, request.languages, request.drop_shared)
    model = find_model(store, request.model)
    teacher = find_teacher(request.teacher, task.labels, model.folder) if request.teacher else ""
    config = model.config
    facts = ModelFacts(model.fingerprint or "", config.num_hidden_layers, model.learning_rate)
    plan = Plan.make(name, space, task.fingerprint, facts, teacher, request.recorded())
    for draft in plan.all_drafts():
        _check(draft, model)
    asked = Asked(request, task, model, plan, store)
    if request.cluster == "local":
        check_here(asked.need, request)
    return asked


def check_here(need: Need, request: Request) -> None:
    """Refuse what has no room on this machine.

    Raises:
        RequestError: as `check_room`.
    """
    machine = this_machine()
    check_room(need, machine, uses_gpus(request, machine), "this machine")


def memory_of(asked: Asked) -> dict[str, Any]:
    """What a plan says of it: bytes of the largest trial on a CPU and on a GPU, and how many run at once.

    "where" is what they would run on, and "of" how many bytes that has; of a cluster, which is not reached
    to plan, neither is known.
    """
    request, need = asked.request, asked.need
    said: dict[str, Any] = {"cpu": need.cpu.host, "gpu": need.gpu.device, "where": None}
    if request.cluster != "local":
        return said
    machine, each = this_machine(), request.cpus_per_trial or 1
    if not uses_gpus(request, machine):
        at_once = request.concurrency or max(1, machine.fits(need.cpu, each))
        return said | {"where": "cpu", "of": machine.memory, "at_once": at_once}
    share: float = request.gpus_per_trial or 1  # type: ignore[assignment]
    if request.gpus_per_trial == "auto":
        share = share_of_gpu(need.gpu, machine.gpu_memory) if machine.gpu_memory else 1
    at_once = request.concurrency or max(1, int(min(machine.gpus / share, machine.cpus / each)))
    return said | {"where": "gpu", "of": machine.gpu_memory, "at_once": at_once}


def uses_gpus(request: Request, machine: Machine) -> bool:
    """Whether trials run on the GPUs of `machine`."""
    return machine.gpus > 0 and request.gpus_per_trial != 0


def _check(config: TrialConfig, model: Model) -> None:
    if config.loss not in distillation_losses():
        known = ", ".join(distillation_losses())
        raise RequestError(f"loss: no such distillation loss as {config.loss}; there are {known}")
    check_possible(config.init, config.layer_map, config.depth, model.config)
    if config.max_length > model.longest:
        reach = f"the model's position embeddings reach {model.longest} tokens"
        raise RequestError(f"max_length: {reach}, not {config.max_length}; --set max_length={model.longest}")


def ask_again(plan: Plan, store: Store) -> Asked:
    """The request that `plan` was made for, as a resume puts it.

    The task and the base model come from the store, so that a resume does not need the folders they were
    read from; where the store has lost them, they are read again and must be what they were.

    Raises:
        RequestError: where neither is there, or the task has changed.
    """
    recorded = dict(plan.request)
    recorded["languages"] = tuple(recorded["languages"]) if recorded["languages"] else None
    request = Request(**recorded)
    task_folder = store.path("tasks", plan.constants["task"])
    if store.has("tasks", plan.constants["task"]):
        task = load_saved_task(task_folder)
    else:
        task = load_task(request.task, request.languages, request.drop_shared)
        if task.fingerprint != plan.constants["task"]:
            raise RequestError(f"{request.task}: is not the task any more that {plan.name} was begun with")
    fingerprint = plan.constants["model"]
    folder = store.path("models", fingerprint)
    if store.has("models", fingerprint):
        model = Model(request.model, read_config(folder), folder, fingerprint)
    else:
        model = find_model(store, request.model)
    return Asked(request, task, model, plan, store)


def absolute(source: str) -> str:
    """`source` with a folder's path made absolute; names of tasks and of hub repositories as they are."""
    named = source == EMBEDDED or source.startswith("hub:") or source in {t.name for t in registered_tasks()}
    path = Path(source).expanduser()
    return (
        str(path.resolve()) if not named and (path.is_dir() or source.startswith((".", "/", "~"))) else source
    )
