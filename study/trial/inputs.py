"""What a trial reads: the names, in the store, of everything that its configuration refers to.

The keys are computed from the configuration alone, so the code that builds an input and the code that reads
the input need no message between them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from study.config import ALL, TrialConfig, digest
from study.storage.artifacts import Store
from study.trial.data.fractions import sample_rows, sample_sizes
from study.trial.data.task import Kind, metric_of_task
from study.trial.data.tokens import EncodedSplit, load_encoded_split
from study.trial.data.vocabulary import Vocabulary, load_trimmed_ids, load_vocabulary
from study.trial.scores import Scores

__all__ = ["Inputs", "TaskFacts"]


@dataclass(frozen=True)
class TaskFacts:
    """What a trial must know of the task besides the token ids."""

    name: str
    labels: tuple[str, ...]
    languages: tuple[str, ...]
    kind: Kind = "text"

    @property
    def metric(self) -> str:
        """The metric that students are compared by."""
        return metric_of_task(self.kind, self.labels)


@dataclass(frozen=True)
class Inputs:
    """The inputs of the trial `config` in `store`.

    full_vocabulary: whether models and splits have all tokens, or only the tokens that the task's texts have.
    Only the key of the trimmed splits depends on this choice, since the choice changes no number.
    """

    store: Store
    config: TrialConfig
    full_vocabulary: bool = False

    @property
    def base_folder(self) -> Path:
        """The base model and its tokenizer, in Hugging Face layout."""
        return self.store.path("models", self.config.model)

    @property
    def task_folder(self) -> Path:
        """The task, as `save_task` wrote it."""
        return self.store.path("tasks", self.config.task)

    @cached_property
    def task(self) -> TaskFacts:
        """The facts of the task, read from its folder."""
        about = json.loads((self.task_folder / "task.json").read_text(encoding="utf-8"))
        names = (tuple(about["labels"]), tuple(about["languages"]))
        return TaskFacts(about["name"], *names, about.get("kind", "text"))

    @property
    def tokens_key(self) -> str:
        """The key of the tokenised task."""
        c = self.config
        return digest({"task": c.task, "tokenizer of": c.model, "max_length": c.max_length})

    @property
    def vocabulary_key(self) -> str:
        """The key of the trimmed vocabulary."""
        return digest({"tokens": self.tokens_key, "version": 1})

    @property
    def vocabulary_folder(self) -> Path:
        """The kept tokens, and the splits in new ids."""
        return self.store.path("vocabularies", self.vocabulary_key)

    @cached_property
    def vocabulary(self) -> Vocabulary | None:
        """The tokens that models and splits are trimmed to; None if they have all tokens."""
        return None if self.full_vocabulary else load_vocabulary(self.vocabulary_folder)

    @property
    def why_not_trimmed(self) -> str | None:
        """Why the base model keeps its whole vocabulary although `full_vocabulary` is false, or None."""
        if self.full_vocabulary:
            return None
        about = json.loads((self.vocabulary_folder / "about.json").read_text(encoding="utf-8"))
        why: str | None = about["why not trimmed"]
        return why

    def split(self, name: str) -> EncodedSplit:
        """The split `name` as token ids, in the ids of the trimmed vocabulary if there is one."""
        split = load_encoded_split(self.store.path("tokens", self.tokens_key), name)
        if self.vocabulary is None:
            return split
        return replace(split, ids=load_trimmed_ids(self.vocabulary_folder, name))

    @cached_property
    def pad_id(self) -> int:
        """The padding token's id in the splits."""
        about = json.loads((self.base_folder / "config.json").read_text(encoding="utf-8"))
        pad = int(about.get("pad_token_id") or 0)
        return pad if self.vocabulary is None else self.vocabulary.trim_id(pad)

    @property
    def teacher_recipe(self) -> dict[str, Any]:
        """All that decides the teacher's weights."""
        c = self.config
        if c.teacher:
            return {"given": c.teacher, "task": c.task, "model": c.model}
        recipe = {k: v for k, v in c.effective().items() if k.startswith("teacher_") and k != "teacher_data"}
        if c.teacher_languages == ALL:  # teachers of older versions keep their keys
            del recipe["teacher_languages"]
        saw: Any = "full"
        if self.teacher_saw_same:
            saw = {"fraction": c.data_fraction, "data_seed": c.data_seed}
            saw |= {} if c.label_floor else {"label_floor": 0}  # likewise
        return recipe | {"task": c.task, "model": c.model, "max_length": c.max_length, "data": saw}

    @property
    def teacher_saw_same(self) -> bool:
        """Whether the teacher saw only the student's share of the training data."""
        return self.config.teacher_data == "same" and "teacher_data" not in self.config.inert()

    @property
    def teacher_key(self) -> str:
        """The key of the teacher: the hash of its recipe."""
        return digest(self.teacher_recipe)

    @property
    def teacher_folder(self) -> Path:
        """The teacher, in Hugging Face layout with the full vocabulary."""
        return self.store.path("teachers", self.teacher_key)

    def outputs_key(self, split: str) -> str:
        """The key of the teacher's outputs on the split called `split`.

        The outputs depend on the teacher, the split, its tokenisation, and the code that computes them. The
        version counts the changes of that code that change the last bits. The numerics of the machine are
        stored with the outputs (`teacher_scores`), and with each trial that ran on other numerics.
        """
        parts = {"teacher": self.teacher_key, "tokens": self.tokens_key, "split": split}
        return digest(parts | {"version": 2})

    @property
    def comparison_key(self) -> str:
        """The key of the comparison of a given teacher's outputs with plain transformers."""
        return digest({"outputs": self.outputs_key("validation"), "version": 1})

    @property
    def how_teacher_compares(self) -> str | None:
        """How a given teacher's outputs compare with plain transformers, in one line; None if not given."""
        if not self.config.teacher:
            return None
        file = self.store.path("comparisons", self.comparison_key) / "comparison.json"
        said: str = json.loads(file.read_text(encoding="utf-8"))["said"]
        return said

    def teacher_logits(self, split: str) -> np.ndarray:
        """[items of the split x classes] float32, memory-mapped and read-only.

        If the teacher saw only a fraction of the training data, the items that are not in the sample are NaN,
        in all languages. No trial reads these items; a trial that read them would diverge instead of using a
        wrong number.
        """
        folder = self.store.path("outputs", self.outputs_key(split))
        logits: np.ndarray = np.load(folder / "logits.npy", mmap_mode="r", allow_pickle=False)
        return logits

    def teacher_scores(self, split: str) -> Scores:
        """The teacher's scores on the split called `split`, as `write_outputs` stored them."""
        folder = self.store.path("outputs", self.outputs_key(split))
        scores: Scores = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
        return scores

    def sampled_rows(self, train: EncodedSplit) -> np.ndarray:
        """Rows of the training split in the sample of the data fraction, in all languages."""
        c = self.config
        drawn = (c.data_fraction, c.task, c.data_seed, c.label_floor)
        return sample_rows(train.sampled_by, train.languages, *drawn)

    def training_rows(self, train: EncodedSplit) -> np.ndarray:
        """Rows of the training split that the student sees: its share of each of its languages."""
        return self._in_languages(self.sampled_rows(train), train, self.config.train_languages)

    def teacher_rows(self, train: EncodedSplit) -> np.ndarray:
        """Rows of the training split that the teacher is trained on."""
        rows = self.sampled_rows(train) if self.teacher_saw_same else np.arange(len(train))
        return self._in_languages(rows, train, self.config.teacher_languages)

    def _in_languages(self, rows: np.ndarray, train: EncodedSplit, wanted: str) -> np.ndarray:
        """Those of `rows` that are in the languages of the list `wanted` (`study.config.LANGUAGES`)."""
        if wanted == ALL:
            return rows
        names = self.task.languages
        numbers = [names.index(code) for code in wanted.split("+")]
        kept: np.ndarray = rows[np.isin(train.languages[rows], numbers)]
        return kept

    @cached_property
    def seen(self) -> tuple[str, ...]:
        """The languages of the student's training texts, in the order of the task."""
        share = self.training_share(self.split("train"))["by_language"]
        return tuple(name for name in self.task.languages if share[name] > 0)

    def training_share(self, train: EncodedSplit) -> dict[str, Any]:
        """The share of the training rows that the student sees: of its languages, and of each language.

        It is more than `data_fraction` if a language has many labels and few rows (`fractions.py`). It is 0
        in a language that the student does not see.
        """
        c, names = self.config, self.task.languages
        sizes = np.zeros(len(names), dtype=np.int64)
        sampled = sample_sizes(train.sampled_by, train.languages, c.data_fraction, c.label_floor)
        sizes[: len(sampled)] = sampled
        chosen = np.array([c.trains_on(name) for name in names])
        total = np.bincount(train.languages, minlength=len(names))
        share = np.where(chosen, sizes, 0) / np.maximum(total, 1)
        of_chosen = float(sizes[chosen].sum() / total[chosen].sum())
        return {"all": of_chosen, "by_language": dict(zip(names, map(float, share), strict=True))}
