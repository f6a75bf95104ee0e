"""Texts to pretrain the embedded encoder on: the words and frames of the languages, without labels.

A pretraining corpus of the real world holds words and sentence frames that a task's training texts lack, and
that occur in its test texts. Likewise here: the corpus has the templates and the fillers of all splits,
freely mixed. It has no text of the task, and no intent. Every language has as many texts, as corpora do that
sample low-resource languages more often.
"""

from __future__ import annotations

from collections.abc import Iterator

from study.streams import stream
from study.trial.data.phrasebook.grammar import (
    Language,
    deal_fillers,
    deal_templates,
    draw_text,
    folded,
)
from study.trial.data.phrasebook.task import grammars
from study.trial.data.task import SPLITS, Task

__all__ = ["TEXTS", "corpus"]

TEXTS = 3000
"""Texts of each language; texts of the task that are drawn by chance are left out."""


def corpus(task: Task, seed: int = 0) -> list[str]:
    """The texts of all languages, one language after the other, without the texts of `task`."""
    known = {folded(text) for split in task.splits.values() for text in split.texts}
    return [
        text
        for code, grammar in grammars().items()
        for text in _texts(grammar, code, seed)
        if folded(text) not in known
    ]


def _texts(grammar: Language, code: str, seed: int) -> Iterator[str]:
    of_templates, of_fillers = deal_templates(grammar, code, seed), deal_fillers(grammar, code, seed)
    templates = [one for split in SPLITS for of_intent in of_templates[split].values() for one in of_intent]
    fillers = {slot: [*seen, *of_fillers["test"][slot]] for slot, seen in of_fillers["train"].items()}
    for n in range(TEXTS):
        yield draw_text(templates, fillers, stream(seed, "corpus", code, n))
