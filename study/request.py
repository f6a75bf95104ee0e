"""A request: what a user asked for, checked as far as can be without writing anything.

`plan_for` turns it into a plan; everything that is wrong with a request is raised here, before the first
byte is written or the first trial waits.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from study.config import RequestError, TrialConfig
from study.plan import ModelFacts, Plan
from study.prepare import EMBEDDED, Model, find_model, find_teacher
from study.space import SearchSpace
from study.trial.artifacts import Store
from study.trial.data.sources import load_task, registered_tasks
from study.trial.data.task import Task, load_saved_task
from study.trial.losses import distillation_losses
from study.trial.models import check_possible, read_config

__all__ = ["Asked", "Request", "absolute", "ask_again", "plan_for"]


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
    gpus_per_trial: float | None = None

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
    for arm in plan.arms():
        for draft in plan.drafts(arm):
            _check(draft, model)
    return Asked(request, task, model, plan)


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
    return Asked(request, task, model, plan)


def absolute(source: str) -> str:
    """`source` with a folder's path made absolute; names of tasks and of hub repositories as they are."""
    named = source == EMBEDDED or source.startswith("hub:") or source in {t.name for t in registered_tasks()}
    path = Path(source).expanduser()
    return (
        str(path.resolve()) if not named and (path.is_dir() or source.startswith((".", "/", "~"))) else source
    )
