"""The metric that a study compares its arms by, and its name in sentences.

Texts of the report speak of accuracy. In a study of token tasks with BIO tags the metric is the F1 of
entities, and `in_words` puts that name in the place of the word accuracy.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

__all__ = ["ACCURACY", "curves_of", "in_words", "metric_of", "test_metrics"]

ACCURACY = "accuracy"
NAMES = {"f1": "F1"}
WORD = re.compile(r"\b[Aa]ccurac(y|ies)\b")


def metric_of(facts: Mapping[str, str]) -> str:
    """The metric by the params of the study's run; a study without the param has accuracy."""
    return facts.get("metric", ACCURACY)


def test_metrics(metric: str) -> Sequence[str]:
    """The metrics of test that the tables of arms and languages have, the metric of the study first."""
    beside = ("macro_f1",) if metric == ACCURACY else ("precision", "recall")
    return (metric, *beside, "retention")


def curves_of(metric: str) -> dict[str, str]:
    """Column of a learning curve -> metric of MLflow."""
    return {"loss": "loss", "macro": f"validation/{metric}/macro", "worst": f"validation/{metric}/worst"}


def in_words(metric: str, text: str) -> str:
    """`text`, which speaks of accuracy, with the name of `metric` instead."""
    if metric == ACCURACY or "ccurac" not in text:
        return text
    name = NAMES[metric]
    return WORD.sub(lambda found: name if found[1] == "y" else f"{name} scores", text)
