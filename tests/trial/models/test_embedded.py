"""The default encoder's recipe: any script, the same bits every time."""

from __future__ import annotations

import hashlib
import math
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from study.streams import stream
from study.trial.models.embedded import bag_of_words_loss, build_tokenizer, mask_tokens, new_encoder
from study.trial.models.encoder import import_encoder
from study.trial.models.loading import read_config

TEXTS = [
    f"{verb} {noun} {time}"
    for verb in ("book", "cancel", "move")
    for noun in ("a taxi", "my table", "ẹja")
    for time in ("now", "tomorrow", "kesho asubuhi", "明天", "ነገ")
]


@pytest.fixture(scope="module")
def words() -> PreTrainedTokenizerFast:
    return build_tokenizer(TEXTS)


@settings(max_examples=80, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30))
def test_no_text_is_unknown_and_all_of_it_comes_back(words: PreTrainedTokenizerFast, text: str) -> None:
    ids = words(text).input_ids
    assert (ids[0], ids[-1]) == (0, 2)
    if not any(token in text for token in words.all_special_tokens):
        assert words.unk_token_id not in ids
        back = words.decode(ids, skip_special_tokens=True)
        assert isinstance(back, str)
        assert back.removeprefix(" ") == unicodedata.normalize("NFC", text).removeprefix(" ")


def test_special_tokens_have_robertas_ids(words: PreTrainedTokenizerFast) -> None:
    assert words.convert_ids_to_tokens([0, 1, 2, 3, 4]) == ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    assert (words.bos_token_id, words.pad_token_id, words.eos_token_id, words.mask_token_id) == (0, 1, 2, 4)
    assert words("a", "b").input_ids.count(words.sep_token_id) == 3


def test_composed_and_decomposed_letters_are_the_same(words: PreTrainedTokenizerFast) -> None:
    assert words("caf\u00e9").input_ids == words("cafe\u0301").input_ids


@pytest.mark.processes
def test_the_same_texts_give_the_same_tokenizer_in_another_process(words: PreTrainedTokenizerFast) -> None:
    code = (
        "import sys, hashlib; from study.trial.models.embedded import build_tokenizer; "
        "t = build_tokenizer(sys.stdin.read().split('\\n')); "
        "print(hashlib.sha256(t.backend_tokenizer.to_str().encode()).hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input="\n".join(TEXTS),
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(Path.cwd()), "TOKENIZERS_PARALLELISM": "false", "PYTHONHASHSEED": "7"},
    )
    assert done.stdout.strip() == hashlib.sha256(words.backend_tokenizer.to_str().encode()).hexdigest()


def test_its_vocabulary_stops_at_eight_thousand() -> None:
    letters = "abcdefghijklmnopqrstuvw"
    many = [f"{a}{b}{c}x {a}{b}{c}x" for a in letters for b in letters for c in letters]
    assert len(build_tokenizer(many)) == 8000


def test_the_encoder_reads_128_tokens_and_is_drawn_from_its_seed(words: PreTrainedTokenizerFast) -> None:
    torch.manual_seed(1)
    one = new_encoder(words, 3)
    assert torch.initial_seed() == 1
    same, other = new_encoder(words, 3), new_encoder(words, 4)
    states = [model.state_dict() for model in (one, same, other)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert not torch.equal(states[0]["roberta.embeddings.word_embeddings.weight"],
                           states[2]["roberta.embeddings.word_embeddings.weight"])  # fmt: skip
    ids = torch.full((2, 128), 9)
    assert one(ids, torch.ones_like(ids)).logits.shape == (2, 128, len(words))


def test_it_is_a_base_model_like_any_other(words: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    new_encoder(words, 0).save_pretrained(tmp_path / "in")
    words.save_pretrained(tmp_path / "in")
    import_encoder(str(tmp_path / "in"), tmp_path / "out")
    config = read_config(tmp_path / "out")
    assert (config.num_hidden_layers, config.hidden_size, config.vocab_size) == (4, 128, len(words))


def batch(words: PreTrainedTokenizerFast, length: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    encoded = words([" ".join([text] * length) for text in TEXTS], padding=True, return_tensors="pt")
    return encoded["input_ids"], encoded["attention_mask"]


def test_masking_is_a_function_of_its_seed(words: PreTrainedTokenizerFast) -> None:
    ids, attention = batch(words)
    before = ids.clone()
    torch.manual_seed(0)
    one = mask_tokens(ids, attention, words, stream(0, "mask", 1))
    torch.manual_seed(1)
    same = mask_tokens(ids, attention, words, stream(0, "mask", 1))
    other = mask_tokens(ids, attention, words, stream(0, "mask", 2))
    assert all(map(torch.equal, one, same))
    assert not torch.equal(one[0], other[0])
    assert torch.equal(ids, before)


def test_only_ordinary_tokens_are_masked_and_labels_say_what_was_there(
    words: PreTrainedTokenizerFast,
) -> None:
    ids, attention = batch(words)
    inputs, labels = mask_tokens(ids, attention, words, 5)
    chosen = labels != -100
    assert torch.equal(labels[chosen], ids[chosen])
    assert torch.equal(inputs[~chosen], ids[~chosen])
    assert not set(ids[chosen].tolist()) & set(words.all_special_ids)
    assert attention[chosen].all()
    assert chosen.any(dim=1).all(), "every text contributes to the loss"
    assert not set(inputs[chosen].tolist()) & (set(words.all_special_ids) - {words.mask_token_id})


def test_masking_keeps_its_shares(words: PreTrainedTokenizerFast) -> None:
    ids, attention = batch(words, 200)
    inputs, labels = mask_tokens(ids, attention, words, 6)
    chosen = labels != -100
    ordinary = attention.bool() & (ids > 4)
    assert (chosen.sum() / ordinary.sum()).item() == pytest.approx(0.15, abs=0.01)
    masked = inputs[chosen] == words.mask_token_id
    kept = inputs[chosen] == ids[chosen]
    assert masked.float().mean().item() == pytest.approx(0.8, abs=0.02)
    assert kept.float().mean().item() == pytest.approx(0.1, abs=0.02)


def test_a_text_of_special_tokens_alone_is_left_as_it_is(words: PreTrainedTokenizerFast) -> None:
    ids = torch.tensor([[0, 2, 1], [0, 2, 1]])
    inputs, labels = mask_tokens(ids, torch.tensor([[1, 1, 0], [1, 1, 0]]), words, 0)
    assert torch.equal(inputs, ids)
    assert (labels == -100).all()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), texts=st.integers(1, 5), length=st.integers(1, 6), words=st.integers(2, 9))
def test_the_loss_of_the_bag_of_words_is_its_formula(seed: int, texts: int, length: int, words: int) -> None:
    draws = np.random.default_rng(seed)
    logits, ids = draws.normal(size=(texts, words)), draws.integers(0, words, (texts, length))
    counted = draws.random((texts, length)) < 0.6
    counted[0, 0] = True
    expected = np.mean(
        [
            np.logaddexp.reduce(logits[b]) - logits[b, ids[b, at]]
            for b in range(texts)
            for at in range(length)
            if counted[b, at]
        ]
    )
    loss = bag_of_words_loss(*map(torch.from_numpy, (logits, ids, counted)))
    assert loss.item() == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_a_text_that_is_not_told_from_others_costs_the_log_of_the_vocabulary() -> None:
    counted = torch.ones(3, 4, dtype=torch.bool)
    loss = bag_of_words_loss(torch.zeros(3, 50), torch.arange(12).reshape(3, 4), counted)
    assert loss.item() == pytest.approx(math.log(50))
