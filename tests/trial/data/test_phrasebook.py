"""The embedded task: its identity, its held-out parts, its difficulty, and a contract for every language."""

from __future__ import annotations

import dataclasses
import re
import time
import unicodedata

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from study.trial.data.phrasebook import task as package
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

FINGERPRINT = "2e2c09af99eab43b1082eb17220553e119b0db806cb2b9c0ad1af93107a0577e"
CODES = tuple(grammars())
LOW_RESOURCE = tuple(code for code, grammar in grammars().items() if grammar.train <= 90)
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


def test_seed_zero_is_the_same_bytes_everywhere(task: Task) -> None:
    assert task.fingerprint == FINGERPRINT


def test_generation_is_deterministic_and_quick(task: Task) -> None:
    start = time.process_time()
    again = phrasebook(0)
    assert time.process_time() - start < 1
    assert again.fingerprint == task.fingerprint


def test_another_seed_draws_other_rows_of_the_same_shape(task: Task) -> None:
    other = phrasebook(1)
    assert (other.labels, other.languages) == (task.labels, task.languages)
    for split in SPLITS:
        assert len(other.splits[split]) == len(task.splits[split])
        assert other.splits[split].texts != task.splits[split].texts


def test_adding_a_language_changes_no_other_rows(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    more = {"aaa": grammars()["swh"], **grammars()}
    monkeypatch.setattr(package, "grammars", lambda: more)
    extended = phrasebook()
    assert extended.languages == ("aaa", *task.languages)
    for split in SPLITS:
        rows, before = extended.splits[split], task.splits[split]
        assert rows.texts[-len(before) :] == before.texts
        assert (rows.languages[-len(before) :] == before.languages + 1).all()


def test_names_are_sorted_and_ids_index_them(task: Task) -> None:
    assert task.name == "phrasebook"
    assert list(task.labels) == sorted(task.labels)
    assert list(task.languages) == sorted(task.languages)
    for split in task.splits.values():
        assert len(split.texts) == len(split.labels) == len(split.languages)
        assert split.labels.dtype == split.languages.dtype == np.int64


def test_every_language_has_every_label_in_every_split(task: Task) -> None:
    for split in task.splits.values():
        counts = np.zeros((len(task.languages), len(task.labels)), dtype=int)
        np.add.at(counts, (split.languages, split.labels), 1)
        assert counts.min() > 0
        assert (counts.max(axis=1) - counts.min(axis=1)).max() <= 1


def test_sizes_are_unequal_and_at_least_four_languages_are_low_resource(task: Task) -> None:
    train = np.bincount(task.splits["train"].languages)
    assert len(task.languages) == 12
    assert len(set(train.tolist())) == len(train)
    assert 5000 <= train.sum() <= 6500
    assert len(LOW_RESOURCE) >= 4
    assert train.min() >= 40
    assert set(np.bincount(task.splits["validation"].languages)) == {70}
    assert set(np.bincount(task.splits["test"].languages)) == {100}


def test_at_least_five_scripts_are_written(task: Task) -> None:
    letters = {c for split in task.splits.values() for text in split.texts for c in text if c.isalpha()}
    scripts = {unicodedata.name(c).split()[0] for c in letters}
    assert scripts >= {"LATIN", "CYRILLIC", "GREEK", "ARABIC", "DEVANAGARI", "GEORGIAN"}


def test_no_text_occurs_twice_in_a_split_or_in_two_splits(task: Task) -> None:
    texts = [folded(text) for split in task.splits.values() for text in split.texts]
    assert len(texts) == len(set(texts))


def test_texts_are_clean(task: Task) -> None:
    for split in task.splits.values():
        for text in split.texts:
            assert text == unicodedata.normalize("NFC", text).strip()
            assert not re.search(r"[][{}|]|\s\s", text), text
            assert text[-1] in ".?!।؟;”“»", text


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


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_task_is_learnable_but_not_trivial_and_harder_with_little_data(task: Task) -> None:
    train = task.splits["train"]
    model = make_pipeline(
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), min_df=2, sublinear_tf=True),
        LogisticRegression(C=10, max_iter=25),
    )
    model.fit(train.texts, train.labels)
    accuracy = {}
    for name in ("validation", "test"):
        split = task.splits[name]
        right = model.predict(split.texts) == split.labels
        by_language = [right[split.languages == i].mean() for i in range(len(task.languages))]
        assert 0.55 < np.mean(by_language) < 0.95
        accuracy[name] = dict(zip(task.languages, by_language, strict=True))
    low = [accuracy[name][code] for name in accuracy for code in LOW_RESOURCE]
    high = [accuracy[name][code] for name in accuracy for code in task.languages if code not in LOW_RESOURCE]
    assert np.mean(low) < np.mean(high) - 0.03
