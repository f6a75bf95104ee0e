"""The embedded task: requests to an assistant, ten intents in twelve languages and six scripts.

The task needs no download and is generated in well under a second, so that a study runs anywhere and tests
are quick. Four languages are low-resource. The texts are made from hand-written grammars (`grammar.py`); each
language has one file in `languages/`. A new language is one new file there, and changes no other language's
rows.
"""

from __future__ import annotations

import importlib
import pkgutil

import numpy as np

from study.trial.data.phrasebook import languages
from study.trial.data.phrasebook.grammar import INTENTS, Language, language_rows
from study.trial.data.task import SPLITS, Split, Task

__all__ = ["grammars", "phrasebook"]


def grammars() -> dict[str, Language]:
    """ISO 639-3 code -> grammar, sorted by code: a grammar for every module in `languages`."""
    codes = sorted(module.name for module in pkgutil.iter_modules(languages.__path__))
    return {code: importlib.import_module(f"{languages.__name__}.{code}").LANGUAGE for code in codes}


def phrasebook(seed: int = 0) -> Task:
    """The task `phrasebook`; `seed` decides which parts are held out and which texts are drawn.

    Rows are sorted by language, and shuffled within each language.
    """
    by_language = {code: language_rows(grammar, code, seed) for code, grammar in grammars().items()}
    label_ids = {intent: i for i, intent in enumerate(INTENTS)}
    splits = {}
    for split in SPLITS:
        rows = [
            (text, label_ids[intent], language)
            for language, of_split in enumerate(by_language.values())
            for text, intent in of_split[split]
        ]
        splits[split] = Split(
            texts=tuple(text for text, _, _ in rows),
            labels=np.array([label for _, label, _ in rows], dtype=np.int64),
            languages=np.array([language for _, _, language in rows], dtype=np.int64),
        )
    return Task(name="phrasebook", labels=INTENTS, languages=tuple(by_language), splits=splits)
