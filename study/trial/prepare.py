"""Preparation: task, teacher and the teacher's outputs, built once before trials hold any resource.

Each step is a call of `Store.build`: it is done at once if the artifact exists, safe if several processes
want the artifact, never half-written, and continued from its checkpoints after a kill.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from socket import gethostname

from study.config import TrialConfig
from study.errors import StudyStopped
from study.storage.artifacts import Store
from study.storage.disk import stopped_by_a_full_disk
from study.trial.data.task import Task, save_task
from study.trial.inputs import Inputs

__all__ = ["Preparation"]


@dataclass(frozen=True)
class Preparation:
    """What the preparation of every trial of a study has in common.

    given_teacher: folder or hub id of a fine-tuned teacher; empty if the teacher is trained here.
    full_vocabulary: whether all models keep all tokens while they are trained. The result is the same.
    threads: CPU threads of the teacher's training.
    """

    store: Store
    given_teacher: str = ""
    full_vocabulary: bool = False
    threads: int = 1

    def store_task(self, task: Task) -> None:
        """Put `task` into the store."""
        self.store.build("tasks", task.fingerprint, lambda target, work: save_task(task, target))

    def inputs(self, config: TrialConfig) -> Inputs:
        """The inputs of the trial `config`, whether they are built or not."""
        return Inputs(self.store, config, self.full_vocabulary)

    def has(self, config: TrialConfig, splits: Sequence[str]) -> bool:
        """Whether `build` would find everything in the store."""
        if not (self.store.has("tasks", config.task) and self.store.has("models", config.model)):
            return False
        inputs = self.inputs(config)
        wanted = [("tokens", inputs.tokens_key), ("teachers", inputs.teacher_key)]
        wanted += [] if self.full_vocabulary else [("vocabularies", inputs.vocabulary_key)]
        wanted += [("outputs", inputs.outputs_key(name)) for name in _read_by(config, splits)]
        wanted += [("comparisons", inputs.comparison_key)] if _compares(config, splits) else []
        return all(self.store.has(kind, key) for kind, key in wanted)

    @stopped_by_a_full_disk()
    def build(self, config: TrialConfig, splits: Sequence[str]) -> Inputs:
        """Everything that the trial `config` reads: tokens, teacher, and the teacher's outputs on `splits`.

        Raises:
            RequestError: if a given teacher does not fit.
            TeacherDiverged: if the teacher diverges.
            StudyStopped: if the task or the base model is not in the store, a given teacher answers otherwise
                than in plain transformers, the disk is full or read-only, or the storage is away.
        """
        # Imported here, because torch takes seconds to import and a caller of `has` does not need torch.
        from study.trial.encoding import write_tokens, write_vocabulary
        from study.trial.models.teacher import import_teacher, load_classifier
        from study.trial.plain import compare_with_plain, given_folder
        from study.trial.teaching import train_teacher, write_outputs
        from study.trial.training import Numerics

        store, inputs = self.store, self.inputs(config)
        for kind, key in (("tasks", config.task), ("models", config.model)):
            if not store.has(kind, key):
                raise StudyStopped(_missing(store, kind, key))

        def given(target: Path, work: Path) -> None:
            folder = given_folder(self.given_teacher, config.teacher)
            import_teacher(folder, target, inputs.task.labels, inputs.base_folder, inputs.task.kind)

        def compared(target: Path, work: Path) -> None:
            compare_with_plain(inputs, self.given_teacher, Numerics.here(self.threads), target)

        def trained(target: Path, work: Path) -> None:
            train_teacher(inputs, target, work, Numerics.here(self.threads))

        store.build("tokens", inputs.tokens_key, lambda target, work: write_tokens(inputs, target))
        if not self.full_vocabulary:
            key = inputs.vocabulary_key
            store.build("vocabularies", key, lambda target, work: write_vocabulary(inputs, target))
        store.build("teachers", inputs.teacher_key, given if config.teacher else trained)
        teacher = cache(lambda: load_classifier(inputs.teacher_folder))  # once for all splits, if for any
        for name in _read_by(config, splits):

            def outputs(target: Path, work: Path, name: str = name) -> None:
                write_outputs(inputs, name, Numerics.here(self.threads), teacher(), target)

            store.build("outputs", inputs.outputs_key(name), outputs)
        if _compares(config, splits):
            store.build("comparisons", inputs.comparison_key, compared)
        return inputs


def _missing(store: Store, kind: str, key: str) -> str:
    """Why a node has no task or no base model, which only the driver's machine can make."""
    where = f"{store.path(kind, key)} is missing or spoilt on {gethostname()}"
    if store.mirror is None:
        return f"{where}: --home must be a folder that all nodes share, or give --storage-url"
    return f"{where}, and in the storage too: the same `kdstudy run` command sends it there again"


def _read_by(config: TrialConfig, splits: Sequence[str]) -> list[str]:
    """The names among `splits` whose teacher outputs the trial reads.

    A trial without distillation does not read the outputs on the training data, which cost the most.
    """
    return [name for name in splits if name != "train" or config.alpha < 1]


def _compares(config: TrialConfig, splits: Sequence[str]) -> bool:
    """Whether the teacher is given, and its outputs are compared with plain transformers."""
    return bool(config.teacher) and "validation" in splits
