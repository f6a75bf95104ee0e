"""Which test texts each confirm run answered correctly, from an artifact of the run in MLflow.

`study/trial/outputs.py` has the format. Records of older versions have no such artifact.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis.record.shares import Share
from study.config import digest

__all__ = ["ARTIFACT", "COUNT", "Answers", "answers_of", "parse_answers", "text_counts"]

ARTIFACT = "texts.json"

COUNT = "texts"
"""The metric `test/texts/LANGUAGE`: the number of test texts of a language."""


class Answers(NamedTuple):
    """task: the fingerprint of the task, which names the texts. bits: language to the number of texts, and a
    bit for each text, in the order of the task's split.
    """

    task: str
    bits: dict[str, tuple[int, bytes]]

    def correct(self) -> dict[str, np.ndarray[Any, np.dtype[np.bool_]]]:
        """Language to [texts], whether each text was correct."""
        return {
            language: np.unpackbits(np.frombuffer(bits, np.uint8), count=count).astype(bool)
            for language, (count, bits) in self.bits.items()
        }


def parse_answers(content: bytes) -> Answers | None:
    """The answers on the test split in `content`; None if the content is damaged or of another split."""
    try:
        said = json.loads(content.decode("utf-8"))
        if said["split"] != "test" or said.pop("digest") != digest(said):
            return None
        bits = {
            str(language): (int(of["n"]), base64.b64decode(of["correct"], validate=True))
            for language, of in said["languages"].items()
        }
        whole = all(len(packed) == (count + 7) // 8 for count, packed in bits.values())
        return Answers(str(said["task"]), bits) if whole else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def text_counts(metrics: pd.DataFrame) -> dict[str, int]:
    """Language to the number of its test texts, as the runs report it."""
    rows = metrics[metrics["name"].str.startswith(f"test/{COUNT}/")].sort_values("name")
    of_language = rows.drop_duplicates("name").set_index("name")["value"]
    return {str(name).split("/", 2)[2]: int(count) for name, count in of_language.items()}


def answers_of(shares: Sequence[Share], runs: pd.DataFrame, metrics: pd.DataFrame) -> dict[str, Answers]:
    """The answers of the complete confirm runs, by key.

    Runs without the metric are of an older version, and have no artifact.
    """
    counted = metrics.loc[metrics["name"].str.startswith(f"test/{COUNT}/"), "at"].unique()
    wanted = runs[(runs["phase"] == "confirm") & (runs["outcome"] == "complete") & runs.index.isin(counted)]
    found = {}
    for number, share in enumerate(shares):
        of_share = wanted[wanted["share"] == number]
        contents = share.source.artifacts(list(of_share["run"]), ARTIFACT) if len(of_share) else {}
        for key, run in zip(of_share["key"], of_share["run"], strict=True):
            if run in contents and (answers := parse_answers(contents[run])) is not None:
                found[str(key)] = answers
    return found
