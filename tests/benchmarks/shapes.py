"""What is trained in the benchmarks: a task of some size, and a base model and teacher of two shapes.

`embedded` is the embedded encoder's shape, its teacher fine-tuned here. `xlmr_base_shape` is XLM-RoBERTa base
(12 layers x 768, 250,002 tokens) with random weights, which cost what trained ones cost and say nothing of
accuracy; its tokenizer is learnt from the task's texts and its tokens are spread over all ids, so that, as
with the real one, few rows of the embedding ever occur.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast, RobertaConfig, XLMRobertaConfig

from study.config import TrialConfig
from study.planning.base_model import store_model
from study.planning.plan import ModelFacts, Plan
from study.space import SearchSpace
from study.storage.artifacts import Store
from study.streams import generator
from study.trial.data.sources import load_task
from study.trial.data.task import SPLITS, Split, Task, save_task
from study.trial.models.embedded import build_tokenizer, encoder_config
from study.trial.models.loading import quiet, seeded
from study.trial.models.teacher import new_classifier
from study.trial.models.tokenizer import load_tokenizer
from study.trial.prepare import Preparation

__all__ = ["SHAPES", "Prepared", "Shape", "prepare", "read_task"]

DATA = "KDSTUDY_BENCH_DATA"
"""Environment variable: the folder of the task that benchmarks use. Without it, phrasebook."""

SPECIAL = 5  # ids below it keep their place: <s> <pad> </s> <unk> <mask>


@dataclass(frozen=True)
class Shape:
    """A size to compare at.

    vocabulary: tokens that the tokenizer learns. languages: how many, those with most training texts.
    rows: of the task by split, for students; a teacher that is trained here sees all training texts. They
    keep the ratio of validation to training texts that injongo_intent has (0.14). A trial sees its texts
    `steps` * 32 / rows["train"] times, and is scored at `reports` evenly spread steps. No trial reads test,
    but its tokens are kept by kdstudy: all of it, where so few training texts would leave too few of them.
    """

    name: str
    vocabulary: int
    languages: int
    rows: Mapping[str, int]
    teacher_steps: int
    learning_rates: tuple[float, float]
    steps: int
    reports: int
    trials: int
    concurrency: int

    @property
    def cpus(self) -> int:
        """CPU threads of one trial, such that `concurrency` of them fill the machine."""
        return max(1, (os.cpu_count() or 1) // self.concurrency)

    def config(self, tokens: int) -> RobertaConfig | XLMRobertaConfig:
        if self.name == "embedded":
            return encoder_config(tokens)
        return XLMRobertaConfig(
            vocab_size=250_002,
            max_position_embeddings=514,
            type_vocab_size=1,
            bos_token_id=0,
            pad_token_id=1,
            eos_token_id=2,
        )


SHAPES = {
    shape.name: shape
    for shape in (
        Shape(
            "embedded",
            vocabulary=8_000,
            languages=5,
            rows={"train": 3_200, "validation": 448, "test": 448},
            teacher_steps=1_200,
            learning_rates=(3e-4, 2e-3),
            steps=100,
            reports=4,
            trials=24,
            concurrency=os.cpu_count() or 1,
        ),
        Shape(
            "xlmr_base_shape",
            vocabulary=20_000,
            languages=99,
            rows={"train": 320, "validation": 44, "test": 10**6},
            teacher_steps=0,
            learning_rates=(1e-5, 1e-4),
            steps=20,
            reports=2,
            trials=3,
            concurrency=1,
        ),
    )
}


@dataclass(frozen=True)
class Prepared:
    """Folders that both sides are given."""

    task: Path
    base: Path
    teacher: Path


def read_task(data: Path | None) -> Task:
    """The task in the folder `data`, else in that of the environment, else phrasebook."""
    source = data or os.environ.get(DATA)
    return load_task(str(Path(source).expanduser().resolve()) if source else "phrasebook", None, False)


def prepare(shape: Shape, whole: Task, folder: Path) -> Prepared:
    """Write the task, the base model and the teacher of `shape` into `folder`."""
    found = Prepared(folder / "task", folder / "base", folder / "teacher")
    found.task.mkdir(parents=True)
    whole = _with_languages(whole, shape.languages)
    task = _sample(whole, shape.rows)
    save_task(task, found.task)
    tokenizer = build_tokenizer(whole.splits["train"].texts, shape.vocabulary)
    config = shape.config(len(tokenizer))
    if config.vocab_size > len(tokenizer):
        tokenizer = _spread(tokenizer, config.vocab_size)
    _save_encoder(config, tokenizer, found.base)
    if shape.teacher_steps:
        shutil.copytree(_fine_tuned(shape, found, whole, folder / "teacher-home"), found.teacher)
    else:
        with quiet():
            new_classifier(found.base, task.labels, seed=1).save_pretrained(found.teacher)
        load_tokenizer(found.base).save_pretrained(found.teacher)
    return found


def _with_languages(task: Task, count: int) -> Task:
    """`task` in the languages that have most training texts, and some in every split."""
    texts = {name: np.bincount(task.splits[name].languages, minlength=len(task.languages)) for name in SPLITS}
    in_all = [i for i in range(len(task.languages)) if all(texts[name][i] for name in SPLITS)]
    kept = sorted(sorted(in_all, key=lambda i: -texts["train"][i])[:count])
    splits = {}
    for name, split in task.splits.items():
        rows = np.flatnonzero(np.isin(split.languages, kept))
        ids = np.searchsorted(kept, split.languages[rows])
        splits[name] = Split(tuple(split.texts[row] for row in rows), split.labels[rows], ids)
    return Task(task.name, task.labels, tuple(task.languages[i] for i in kept), splits)


def _sample(task: Task, rows: Mapping[str, int]) -> Task:
    """`rows` of each split, spread evenly over its languages and labels, in random order."""
    splits = {}
    for name in SPLITS:
        split = task.splits[name]
        order = generator(0, "benchmark", name).permutation(len(split))
        group = (split.languages * len(task.labels) + split.labels)[order]
        rank = np.empty(len(order), dtype=np.int64)  # how many of its group come before it
        for one in np.unique(group):
            rank[group == one] = np.arange((group == one).sum())
        chosen = order[np.sort(np.argsort(rank, kind="stable")[: rows[name]])]
        texts = tuple(split.texts[row] for row in chosen)
        splits[name] = Split(texts, split.labels[chosen], split.languages[chosen])
    return Task("benchmark", task.labels, task.languages, splits)


def _spread(tokenizer: PreTrainedTokenizerFast, size: int) -> PreTrainedTokenizerFast:
    """The same tokenizer with its tokens spread evenly over `size` ids; fillers, never used, between."""
    definition = json.loads(tokenizer.backend_tokenizer.to_str())
    learnt = definition["model"]["vocab"]
    stride = (size - SPECIAL) // (len(learnt) - SPECIAL)
    moved = {t: i if i < SPECIAL else SPECIAL + (i - SPECIAL) * stride for t, i in learnt.items()}
    free = sorted(set(range(size)) - set(moved.values()))
    definition["model"]["vocab"] = moved | {f"<filler {i}>": i for i in free}
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(definition)),
        model_max_length=tokenizer.model_max_length,
        **tokenizer.special_tokens_map,
    )


def _save_encoder(
    config: RobertaConfig | XLMRobertaConfig, tokenizer: PreTrainedTokenizerFast, folder: Path
) -> None:
    from transformers import AutoModel

    with quiet(), seeded(0):
        AutoModel.from_config(config, dtype=torch.float32).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _fine_tuned(shape: Shape, found: Prepared, task: Task, home: Path) -> Path:
    """The teacher that the engine trains on `task`."""
    store, threads = Store(home), 1  # so small a model gains nothing from more
    preparation = Preparation(store, threads=threads)
    preparation.store_task(task)
    model = store_model(store, str(found.base), threads)
    facts = ModelFacts(model.fingerprint or "", model.config.num_hidden_layers, 1e-3)
    fixed = {"teacher_steps": shape.teacher_steps}
    space = SearchSpace(question="a teacher", fixed=fixed, trials=1)
    plan = Plan.make("teacher", space, task.fingerprint, facts, "", {})
    config: TrialConfig = plan.drafts(plan.arms()[0])[0]
    return preparation.build(config, ("validation",)).teacher_folder
