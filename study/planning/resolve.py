"""A request is resolved: its task and models are found, its space becomes a plan, its memory is checked.

Everything that is wrong with a request is raised here, before anything is written or any trial starts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from study.config import TrialConfig
from study.errors import RequestError
from study.planning.base_model import Model, find_model, find_teacher
from study.planning.capacity import (
    Need,
    check_here,
    estimated_extent,
    known_extent,
    largest,
    need_of,
)
from study.planning.languages import OfTask
from study.planning.places import known_cluster
from study.planning.plan import ModelFacts, Plan
from study.planning.pruners import check_pruner
from study.planning.request import EMBEDDED, Request
from study.planning.samplers import check_sampler
from study.planning.shares import Share, share_notes, shares_of
from study.planning.trained import check_labels, language_notes
from study.space import SearchSpace
from study.storage.artifacts import Store
from study.trial.data.sources import load_task
from study.trial.data.task import load_saved_task

if TYPE_CHECKING:
    from study.trial.data.findings.reading import Reading
    from study.trial.data.task import Task

__all__ = ["Resolved", "resolve", "resolve_again"]


@dataclass(frozen=True)
class Resolved:
    """A request that can be served: its task, its base model, and its plan."""

    request: Request
    task: Task
    model: Model
    plan: Plan
    store: Store

    @cached_property
    def reading(self) -> Reading:
        """The task's rows, counted, and how much of their texts the base model's tokenizer reads.

        Raises:
            RequestError: if the tokenizer cannot read a text.
        """
        from study.trial.data.findings.reading import read_texts

        if self.model.folder is None:
            return read_texts(self.task)
        from study.trial.models.tokenizer import load_tokenizer

        length = min(draft.max_length for draft in self.plan.all_drafts())
        return read_texts(self.task, load_tokenizer(self.model.folder), length)

    @cached_property
    def shares(self) -> list[Share]:
        """What the data fractions of the plan come to."""
        return shares_of(self.plan, self.task)

    @cached_property
    def findings(self) -> tuple[str, ...]:
        """What weakens a result beside the task's own notes: unread texts, fractions, unseen labels."""
        return (*self.reading.notes, *share_notes(self.shares), *language_notes(self.plan, self.task))

    @property
    def notes(self) -> tuple[str, ...]:
        """Everything that weakens a result, each in one line."""
        return (*self.task.notes, *self.findings)

    @cached_property
    def need(self) -> Need:
        """The memory of the plan's largest trial; an estimate until the task's texts are tokenised."""
        from study.trial.inputs import Inputs

        config, base, whole = largest(self.plan), self.model.config, self.request.full_vocabulary
        inputs = Inputs(self.store, config, whole)
        built = [("tasks", config.task), ("models", config.model), ("tokens", inputs.tokens_key)]
        built += [] if whole else [("vocabularies", inputs.vocabulary_key)]
        if all(self.store.has(kind, key) for kind, key in built):
            return need_of(config, base, known_extent(inputs))
        texts = estimated_extent(self.task, base, self.model.folder, config.max_length, whole)
        return need_of(config, base, texts)


def resolve(request: Request, name: str, space: SearchSpace, store: Store) -> Resolved:
    """Load and check the task, find the models, and make the plan `name` of `space`. Writes nothing.

    Raises:
        RequestError: if anything cannot be served; the text names it in one line.
    """
    known_cluster(request.cluster)
    task = load_task(request.task, request.languages, request.drop_shared)
    model = find_model(store, request.model)
    teacher = find_teacher(request.teacher, task.labels, model.folder, task.kind) if request.teacher else ""
    config = model.config
    facts = ModelFacts(model.fingerprint or "", config.num_hidden_layers, model.learning_rate)
    of_task = OfTask(task.fingerprint, task.languages, task.languages_in("train"), task.metric)
    plan = Plan.make(name, space, of_task, facts, teacher, request.recorded())
    check_labels(plan, task)
    for draft in plan.all_drafts():
        _check_config(draft, model)
    resolved = Resolved(request, task, model, plan, store)
    resolved.reading  # noqa: B018 (raises if a text cannot be read)
    if request.cluster == "local":
        check_here(resolved.need, request)
    _check_first_step(resolved)
    return resolved


def resolve_again(plan: Plan, store: Store) -> Resolved:
    """The request of a `plan` on record, resolved for a resume.

    The task and the base model come from the store, so a resume does not need the folders that the study was
    begun from. What the store has lost is read again from its source, and must be
    unchanged.

    Raises:
        RequestError: if neither the store nor the source has it, the task has changed, or this version of the
            program has no such sampler or pruner.
    """
    check_sampler(plan.space)
    check_pruner(plan.space)
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
        model = Model(request.model, folder, fingerprint)
    else:
        model = find_model(store, request.model)
    return Resolved(request, task, model, plan, store)


def _check_first_step(resolved: Resolved) -> None:
    """Let each shape of model that the plan needs take one step on texts of the task.

    The embedded encoder takes no step, because its configuration is our own. No model takes a step if the
    outputs of all teachers are in the store, because teachers of this shape have been run then.

    Raises:
        RequestError: if the library fails at the step.
    """
    from study.trial.inputs import Inputs

    request, model, store = resolved.request, resolved.model, resolved.store
    drafts = resolved.plan.all_drafts()
    outputs = {store.path("outputs", Inputs(store, draft).outputs_key("validation")) for draft in drafts}
    if model.source == EMBEDDED or all(folder.is_dir() for folder in outputs):
        return
    assert model.folder is not None
    from study.trial.first_step import check_first_step, longest_and_shortest
    from study.trial.models.encoder import resolve_folder
    from study.trial.models.loading import read_config
    from study.trial.models.student import source_layers

    base = model.config
    teacher = read_config(resolve_folder(request.teacher)) if request.teacher else base
    layers = base.num_hidden_layers
    shapes = [(teacher, [[layer] for layer in range(layers)])]
    for draft in drafts:
        groups = source_layers(draft.init, draft.layer_map, layers, draft.depth)
        shape = (teacher if draft.init == "teacher" else base, groups)
        shapes += [] if shape in shapes else [shape]
    batch = longest_and_shortest(resolved.task, model.folder, max(draft.max_length for draft in drafts))
    check_first_step(model.folder, shapes, batch, resolved.task.labels, resolved.task.kind)


def _check_config(config: TrialConfig, model: Model) -> None:
    from study.trial.losses.distillation import find_distillation_loss
    from study.trial.models.student import check_possible

    find_distillation_loss(config.loss)
    check_possible(config.init, config.layer_map, config.depth, model.config)
    if config.max_length > model.longest:
        reach = f"the model's position embeddings reach {model.longest} tokens"
        raise RequestError(f"max_length: {reach}, not {config.max_length}; --set max_length={model.longest}")
