"""Batches by length: which rows make a step, as a pure function of (seed, step).

Texts of similar length share a batch, so that little of the batch is padding. On a CPU this is 1.8 times as
fast as padding to the longest text of a random batch. No state is kept between steps: step s of a resumed
trial has the same rows as step s of an undisturbed trial.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from study.streams import generator

__all__ = ["TrainingBatches", "evaluation_batches"]

POOL = 32  # batches drawn at random and then sorted by length; a larger pool pads less and mixes less
EVALUATION_TOKENS = {"cpu": 1024, "cuda": 8192}
"""Tokens of one evaluation batch, padding included. A CPU is fastest if a layer's activations fit into its
cache, at a hidden size of 128 and of 768 alike; a GPU is fastest with large batches."""


class TrainingBatches:
    """Rows of every training step.

    Each epoch shuffles all rows, cuts them into pools of `POOL` batches, sorts each pool by length, cuts
    each pool into batches and shuffles the batches. The last batch of an epoch may be smaller.
    """

    def __init__(self, lengths: np.ndarray, batch_size: int, seed: int) -> None:
        self.lengths, self.batch_size, self.seed = lengths, batch_size, seed
        self.per_epoch = math.ceil(len(lengths) / batch_size)
        self._epoch: tuple[int, list[np.ndarray]] = (-1, [])

    def rows(self, step: int) -> np.ndarray:
        """Indices into `lengths` of the rows of `step` (0-based)."""
        epoch, position = divmod(step, self.per_epoch)
        if self._epoch[0] != epoch:
            self._epoch = (epoch, self._batches(epoch))
        return self._epoch[1][position]

    def _batches(self, epoch: int) -> list[np.ndarray]:
        random = generator(self.seed, "batches", epoch)
        order = random.permutation(len(self.lengths))
        batches: list[np.ndarray] = []
        for start in range(0, len(order), POOL * self.batch_size):
            pool = order[start : start + POOL * self.batch_size]
            pool = pool[np.argsort(self.lengths[pool], kind="stable")]
            batches += [pool[i : i + self.batch_size] for i in range(0, len(pool), self.batch_size)]
        return [batches[i] for i in random.permutation(len(batches))]


def evaluation_batches(lengths: np.ndarray, device: str) -> Iterator[np.ndarray]:
    """Every row once, longest first, in batches of at most `EVALUATION_TOKENS[device]` padded tokens.

    The batches are fixed, because the last bits of logits depend on them.
    """
    order = np.argsort(-np.asarray(lengths), kind="stable")
    tokens, start = EVALUATION_TOKENS[device], 0
    while start < len(order):
        size = max(1, tokens // int(lengths[order[start]]))
        yield order[start : start + size]
        start += size
