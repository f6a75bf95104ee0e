"""Rows are counted, and what a tokenizer does not read is named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from study.errors import RequestError
from study.trial.data.findings import reading
from study.trial.data.findings.reading import Count, read_texts
from study.trial.data.task import SPLITS, Split, Task

TEXTS = {"de": ("ein Lied", "die Uhr"), "am": ("ማንቂያ ደወል", "ዝናብ ፀሐይ")}
WORDS = sorted({word for text in TEXTS["de"] for word in text.split()})


def task(de: Sequence[str] = TEXTS["de"], am: Sequence[str] = TEXTS["am"]) -> Task:
    """The same rows in each split; the labels take turns."""
    texts, languages = (*am, *de), [0] * len(am) + [1] * len(de)
    labels = np.arange(len(texts), dtype=np.int64) % 2
    split = Split(tuple(texts), labels, np.array(languages, dtype=np.int64))
    return Task("demo", ("a", "b"), ("am", "de"), dict.fromkeys(SPLITS, split))


def tokenizer(model: Any, special: bool = True, unknown: bool = True) -> PreTrainedTokenizerFast:
    backend = Tokenizer(model)
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    if special:
        backend.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)]
        )
    names = {"unk_token": "<unk>"} if unknown else {}
    return PreTrainedTokenizerFast(tokenizer_object=backend, cls_token="<s>", sep_token="</s>", **names)


def words(*more: str) -> dict[str, int]:
    return {word: i for i, word in enumerate(["<s>", "</s>", *more, *WORDS])}


def word_level(**options: bool) -> PreTrainedTokenizerFast:
    return tokenizer(models.WordLevel(words("<unk>"), unk_token="<unk>"), **options)


def letters(**options: bool) -> PreTrainedTokenizerFast:
    """It has the letters of German alone, and no unknown token: other letters are lost."""
    alphabet = sorted(set("".join(WORDS)))
    model = models.BPE({name: i for i, name in enumerate(["<s>", "</s>", *alphabet])}, [])
    return tokenizer(model, unknown=False, **options)


def test_rows_and_labels_are_counted_without_a_tokenizer() -> None:
    found = read_texts(task(am=()))
    assert found.notes == ()
    assert found.counts == {split: {"am": Count(0, 0), "de": Count(2, 2)} for split in SPLITS}


def test_a_language_of_unknown_words_is_noted() -> None:
    found = read_texts(task(), word_level())
    assert found.counts["test"] == {"am": Count(2, 2, 0, 1.0, 2), "de": Count(2, 2, 0, 0.0, 2)}
    assert found.notes == (
        "am: 100% of its characters are unknown to the base model's tokenizer, in 6 texts",
    )


def test_few_unknown_characters_are_counted_without_a_note() -> None:
    found = read_texts(task(de=("ein Lied " * 8, "die Uhr Uhu"), am=()), word_level())
    assert found.counts["train"]["de"].unknown == pytest.approx(3 / 65)
    assert found.notes == ()


def test_characters_that_are_lost_without_an_unknown_token_count_as_unknown() -> None:
    found = read_texts(task(am=("ዝናብ ein", "die")), letters())
    assert found.counts["train"]["am"] == Count(2, 2, 0, 3 / 9, 2)
    assert any(
        "has no unknown token: characters that its vocabulary lacks are lost" in x for x in found.notes
    )


def test_texts_of_which_nothing_is_kept_are_counted_and_the_first_is_named() -> None:
    found = read_texts(task(), letters())
    assert found.counts["train"]["am"] == Count(2, 2, 2, 1.0, 2)
    assert (
        "test, am: the base model's tokenizer keeps nothing of 2 of 2 texts; the first is 'ማንቂያ ደወል'"
    ) in found.notes


def test_a_text_without_any_token_is_refused() -> None:
    read_texts(task(am=()), letters(special=False))
    with pytest.raises(RequestError) as refused:
        read_texts(task(), letters(special=False))
    assert "train, am: the base model's tokenizer makes no token of the text 'ማንቂያ ደወል'" in str(refused.value)


def test_a_word_that_no_unknown_token_stands_for_is_refused() -> None:
    lacking = tokenizer(models.WordLevel(words(), unk_token="<unk>"), unknown=False)
    assert read_texts(task(am=()), lacking).counts["train"]["de"].unknown == 0
    with pytest.raises(RequestError) as refused:
        read_texts(task(), lacking)
    assert "has no unknown token and cannot read the text 'ማንቂያ ደወል'" in str(refused.value)


def test_a_tokenizer_that_adds_nothing_before_a_text_is_noted() -> None:
    (note,) = read_texts(task(am=()), word_level(special=False)).notes
    assert "adds no token before a text" in note


def test_of_a_large_task_some_texts_of_each_language_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "ALL", 50)
    monkeypatch.setattr(reading, "SAMPLE", 10)
    found = read_texts(task(de=TEXTS["de"] * 40), word_level())
    assert found.counts["train"] == {"am": Count(2, 2, 0, 1.0, 2), "de": Count(80, 2, 0, 0.0, 10)}


def test_every_text_is_read_if_one_could_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "ALL", 50)
    monkeypatch.setattr(reading, "SAMPLE", 10)
    texts = [*TEXTS["de"] * 20, "ዝናብ", *TEXTS["de"] * 20]
    with pytest.raises(RequestError, match="makes no token of the text 'ዝናብ'"):
        read_texts(task(de=texts, am=()), letters(special=False))


def test_tokens_for_bytes_that_are_never_used_are_noted() -> None:
    pieces = [("<unk>", 0.0), *((f"<0x{byte:02X}>", -10.0) for byte in range(256))]
    pieces += [(word, -1.0) for word in WORDS]
    notes = {}
    for fallback in (False, True):
        model = models.Unigram(pieces, unk_id=0, byte_fallback=fallback)
        found = read_texts(task(am=()), tokenizer(model))
        notes[fallback] = [note for note in found.notes if "tokens for bytes and never uses them" in note]
    assert (len(notes[False]), len(notes[True])) == (1, 0)
