"""What a confirm run predicted for each test text, as a table."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from study.config import TrialConfig
from study.storage.artifacts import Store
from study.storage.attempts import PREDICTIONS, bring_attempts, file_of_ending
from study.trial.data.task import Split, load_saved_split
from study.trial.inputs import Inputs

__all__ = ["TestTexts"]


@dataclass(frozen=True)
class TestTexts:
    """The test texts of the task of `config` in `store`. The `config` of any trial of the study serves."""

    __test__ = False  # no class of tests

    store: Store
    config: TrialConfig

    @cached_property
    def _inputs(self) -> Inputs:
        return Inputs(self.store, self.config)

    @cached_property
    def _split(self) -> Split:
        return load_saved_split(self._inputs.task_folder, "test")

    def predictions(self, folder: Path) -> pd.DataFrame | None:
        """What the trial that ended in `folder` predicted: a row for each test text, in their order.

        text: the number of the text's row in the test split of the stored task, from 0. In a token task there
        is a row for each word that has a token, and word is its number in the text, from 0. language, label,
        prediction: names, as categories. probability: float32, of the predicted label; the worker has
        rounded it to float16. A worker on another machine has sent its file to the mirror.

        Returns None if the trial is of an older version, which stored no predictions, if they are damaged, or
        if the task is not in the store.

        Raises:
            StorageAway: if the mirror does not answer.
        """
        if (content := file_of_ending(folder, PREDICTIONS)) is None:
            bring_attempts(folder, self.store.mirror)
            content = file_of_ending(folder, PREDICTIONS)
        if content is None or not self.store.has("tasks", self.config.task):
            return None
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                label, probability = arrays["label"], arrays["probability"]
                of_word = {name: arrays[name] for name in ("text", "word") if name in arrays}
        except (BadZipFile, ValueError, KeyError, EOFError):
            return None
        task, split = self._inputs.task, self._split
        row, labels = np.arange(len(split), dtype=np.int32), split.labels
        if of_word and split.starts is not None:
            row = of_word["text"]
            labels = labels[split.starts[row] + of_word["word"]]
        return pd.DataFrame(
            {
                "text": row,
                **({"word": of_word["word"]} if of_word else {}),
                "language": pd.Categorical.from_codes(split.languages[row], list(task.languages)),
                "label": pd.Categorical.from_codes(labels, list(task.labels)),
                "prediction": pd.Categorical.from_codes(label, list(task.labels)),
                "probability": probability.astype(np.float32),
            }
        )
