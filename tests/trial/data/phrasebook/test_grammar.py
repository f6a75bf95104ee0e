"""How the embedded task's texts are made: held-out parts, and a contract for every language."""

from __future__ import annotations

import dataclasses
import re
import unicodedata

import pytest

from study.trial.data.phrasebook.grammar import (
    INTENTS,
    Language,
    deal_fillers,
    deal_templates,
    folded,
    language_rows,
)
from study.trial.data.phrasebook.task import grammars, phrasebook
from study.trial.data.task import SPLITS, Task

CODES = tuple(grammars())
SLOT = re.compile(r"\{(\w+)(?:\.(\w+))?\}")


@pytest.fixture(scope="module")
def task() -> Task:
    return phrasebook()


def words(text: str) -> str:
    """Words of `text` between single spaces. Marks belong to words: Devanagari vowel signs are marks."""
    letters = (c if unicodedata.category(c)[0] in "LMN" else " " for c in folded(text))
    return f" {' '.join(''.join(letters).split())} "


def pattern(template: str, grammar: Language, code: str) -> re.Pattern[str]:
    """A regular expression for everything that `template` can become, with the fillers of any split."""
    dealt = deal_fillers(grammar, code, 0)

    def fillers(match: re.Match[str]) -> str:
        both = [*dealt["train"][match[1]], *dealt["test"][match[1]]]
        return f"(?:{'|'.join(re.escape(filler[match[2] or '']) for filler in both)})"

    parts = re.split(r"(\{[^}]*\}|[][|])", template)
    brackets = {"[": "(?:", "]": ")", "|": "|"}
    text = "".join(
        brackets.get(part) or (SLOT.sub(fillers, part) if part[:1] == "{" else re.escape(part))
        for part in parts
    )
    return re.compile(rf"(?:^|\s){text}(?:$|\s)", re.IGNORECASE)


@pytest.mark.parametrize("code", CODES)
def test_no_training_text_has_a_held_out_filler(task: Task, code: str) -> None:
    split = task.splits["train"]
    texts = [
        text
        for text, language in zip(split.texts, split.languages, strict=True)
        if task.languages[language] == code
    ]
    plain, spaced = "\n".join(map(folded, texts)), "\n".join(map(words, texts))
    for slot, fillers in deal_fillers(grammars()[code], code, 0)["test"].items():
        assert len(fillers) >= 2
        for form in {form for filler in fillers for form in filler.values()}:
            # An opener is a sentence of one or two words, which may well occur within another sentence.
            seen = folded(form) in plain if slot in ("opener", "closer") else words(form) in spaced
            assert not seen, f"{form!r} of slot {slot}"


@pytest.mark.parametrize("code", CODES)
def test_no_text_fits_a_template_of_another_split(task: Task, code: str) -> None:
    grammar = grammars()[code]
    dealt = deal_templates(grammar, code, 0)
    for intent in INTENTS:
        patterns = {name: [pattern(t, grammar, code) for t in dealt[name][intent]] for name in SPLITS}
        for name in SPLITS:
            split = task.splits[name]
            for text, label, language in zip(split.texts, split.labels, split.languages, strict=True):
                if task.languages[language] == code and task.labels[label] == intent:
                    fits = {other for other in SPLITS if any(p.search(text) for p in patterns[other])}
                    assert fits == {name}, text


@pytest.mark.parametrize("code", CODES)
def test_a_language_file_keeps_the_contract(code: str) -> None:
    grammar = grammars()[code]
    assert re.fullmatch(r"[a-z]{3}", code)
    assert {"opener", "closer"} <= set(grammar.slots)
    fillers = deal_fillers(grammar, code, 0)["train"]
    forms = {slot: set(entries[0]) for slot, entries in fillers.items()}
    assert not re.search(r"[][{}]", "".join(grammar.slots.values()))
    used: dict[str, set[str]] = {"opener": {""}, "closer": {""}}
    for intent in INTENTS:
        templates = [line.strip() for line in grammar.templates[intent].strip().splitlines()]
        assert len(templates) == len(set(templates)) >= 10
        for template in templates:
            for choice in re.findall(r"\[([^][]*)\]", template):
                options = choice.split("|")
                assert len(options) == len(set(options)) >= 2, template
            assert not re.search(r"[][|]", re.sub(r"\[[^][]*\]", "", template)), template
            assert not re.search(r"[{}]", SLOT.sub("", template)), template
            for slot, form in SLOT.findall(template):
                assert form in forms[slot], template
                used.setdefault(slot, set()).add(form)
    assert used == forms


@pytest.mark.parametrize("code", CODES)
def test_held_out_fillers_stay_unseen_under_other_seeds(code: str) -> None:
    grammar = dataclasses.replace(grammars()[code], train=900)
    for seed in (1, 2):
        spaced = "\n".join(words(text) for text, _ in language_rows(grammar, code, seed)["train"])
        for slot, fillers in deal_fillers(grammar, code, seed)["test"].items():
            if slot not in ("opener", "closer"):
                assert not [f for f in fillers if any(words(form) in spaced for form in f.values())]


def test_a_grammar_too_small_for_its_size_is_refused() -> None:
    slots = {"opener": "Hi. | Hey. | Yo.", "closer": "Bye. | Thanks. | Please."}
    block = "\n".join(f"Template {i}." for i in range(12))
    grammar = Language(train=500, slots=slots, templates=dict.fromkeys(INTENTS, block))
    with pytest.raises(ValueError, match="too few templates and fillers"):
        language_rows(grammar, "tiny", 0)


def test_a_language_without_all_intents_is_refused() -> None:
    templates = {k: v for k, v in grammars()["kat"].templates.items() if k != "weather"}
    with pytest.raises(ValueError, match="kat needs templates for exactly"):
        language_rows(dataclasses.replace(grammars()["kat"], templates=templates), "kat", 0)
