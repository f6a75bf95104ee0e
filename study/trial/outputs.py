"""A student's outputs on one split, and what is read from them: scores, and facts about each text."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from study.config import canonical_json, digest
from study.storage.artifacts import write_atomically
from study.trial.data.tokens import EncodedSplit
from study.trial.inputs import Inputs
from study.trial.scores import Scores, add_groups, add_retention, score_split

__all__ = ["Outputs", "write_predictions", "write_texts"]


@dataclass(frozen=True, eq=False)
class Outputs:
    """logits: [items of the split x classes], in the order of the split `name` in the stored task."""

    name: str
    split: EncodedSplit
    logits: np.ndarray

    @property
    def finite(self) -> bool:
        """Whether every output is a number (argmax would make class 0 of NaN)."""
        return bool(np.isfinite(self.logits).all())

    @cached_property
    def predictions(self) -> np.ndarray:
        """The predicted class id of each item."""
        predictions: np.ndarray = self.logits.argmax(axis=1)
        return predictions

    def scores(self, inputs: Inputs) -> Scores:
        """Scores per language, with retention; seen and unseen languages apart if there are unseen ones."""
        scores = score_split(self.predictions, self.split, inputs.task)
        scores = add_retention(scores, inputs.teacher_scores(self.name))
        return scores if len(inputs.seen) == len(inputs.task.languages) else add_groups(scores, inputs.seen)


def write_texts(outputs: Outputs, inputs: Inputs, path: Path) -> None:
    """Write which texts were predicted correctly to the file `path`.

    The file is JSON: {"task": fingerprint, "split": name, "languages": {code: {"n": number of texts,
    "correct": base64}}, "digest": sha256 of the rest}. "correct" has one bit for each text of the language,
    in the order of the split in the stored task, eight bits in a byte, the first text in the highest bit.
    """
    split = outputs.split
    correct = outputs.predictions == split.labels
    languages = {}
    for index, name in enumerate(inputs.task.languages):
        of_language = correct[split.languages == index]
        if len(of_language):
            packed = base64.b64encode(np.packbits(of_language).tobytes()).decode()
            languages[name] = {"n": len(of_language), "correct": packed}
    content = {"task": inputs.config.task, "split": outputs.name, "languages": languages}
    write_atomically(path, canonical_json(content | {"digest": digest(content)}).encode())


def write_predictions(outputs: Outputs, inputs: Inputs, path: Path) -> None:
    """Write what was predicted for each item to the file `path`, in numpy's format npz.

    Its arrays have the order of the split in the stored task. label: [items], the predicted class id, in the
    smallest unsigned type that holds the ids. probability: [items] float16, the probability of this label
    (softmax of the logits). task: the fingerprint of the task. split: the name of the split. In a token task
    also text and word: [items] int32, the numbers of the text in the split and of the word in the text.
    """
    logits = outputs.logits.astype(np.float64)
    highest = logits.max(axis=1)
    probability = 1 / np.exp(logits - highest[:, None]).sum(axis=1)
    content, split = io.BytesIO(), outputs.split
    items: dict[str, Any] = {}
    if split.starts is not None:
        text = np.repeat(np.arange(len(split), dtype=np.int32), np.diff(split.starts))
        items = {"text": text, "word": np.asarray(split.words)}
    np.savez_compressed(
        content,
        task=np.array(inputs.config.task),
        split=np.array(outputs.name),
        label=outputs.predictions.astype(np.min_scalar_type(logits.shape[1] - 1)),
        probability=probability.astype(np.float16),
        **items,
    )
    write_atomically(path, content.getvalue())
