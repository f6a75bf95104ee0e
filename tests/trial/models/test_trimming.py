"""Every architecture on part of its vocabulary: the same logits and the same training, to the bit."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from transformers import AutoModelForSequenceClassification, BertConfig, ModernBertConfig, RobertaConfig

from study.trial import training
from study.trial.data.vocabulary import Vocabulary
from study.trial.models.init_methods import init_methods
from study.trial.models.loading import read_config
from study.trial.models.student import build_student
from study.trial.models.teacher import load_classifier, new_classifier
from study.trial.models.trimming import (
    full_size,
    put_back,
    special_ids,
    token_embedding,
    trim,
    why_not_trimmable,
)
from study.trial.parameters import gradient_norm
from study.trial.training import Numerics, Recipe, Training

PAD = 1
STEPS = 20
Batch = dict[str, Tensor]

each_method = pytest.mark.parametrize("method", list(init_methods()))


@pytest.fixture(scope="module")
def vocabulary(batch: Batch, tokenizer: Any) -> Vocabulary:
    """The tokens of the batch, far fewer than there are."""
    vocabulary = Vocabulary.of([batch["input_ids"].numpy()], tokenizer.all_special_ids, PAD, len(tokenizer))
    assert len(vocabulary) < 0.5 * vocabulary.size
    return vocabulary


def in_new_ids(batch: Batch, vocabulary: Vocabulary) -> Batch:
    ids = vocabulary.trim_ids(batch["input_ids"].numpy()).astype(np.int64)
    return batch | {"input_ids": torch.from_numpy(ids)}


@pytest.fixture
def family(either: Any) -> Any:
    """All that is tested here holds for both kinds of classifiers."""
    return either


def both(family: Any, vocabulary: Vocabulary, **values: Any) -> tuple[Any, Any]:
    """The student of `values`, whole and trimmed."""
    folders = family.config(**values), family.base, family.teacher, family.labels
    return build_student(*folders, kind=family.kind), build_student(*folders, vocabulary, family.kind)


def logits(model: Any, batch: Batch) -> Tensor:
    with torch.no_grad():
        found: torch.Tensor = model.eval()(**batch).logits
        return found


# The model


@each_method
def test_a_trimmed_student_is_the_whole_one_less_the_rows_of_other_tokens(
    family: Any, vocabulary: Vocabulary, method: str
) -> None:
    whole, trimmed = both(family, vocabulary, init=method, seed=3)
    name = token_embedding(whole)
    expected = whole.state_dict()
    expected[name] = expected[name][torch.from_numpy(vocabulary.kept).long()]
    ours = trimmed.state_dict()
    assert ours.keys() == expected.keys()
    assert all(torch.equal(ours[n], expected[n]) for n in expected)
    assert full_size(trimmed, vocabulary) == full_size(whole, None) == whole.num_parameters()


@each_method
def test_its_logits_are_the_whole_ones_to_the_bit(
    family: Any, vocabulary: Vocabulary, batch: Batch, method: str, tmp_path: Any
) -> None:
    whole, trimmed = both(family, vocabulary, init=method)
    expected = logits(whole, batch)
    assert torch.equal(logits(trimmed, in_new_ids(batch, vocabulary)), expected)
    trimmed.save_pretrained(tmp_path)
    loaded = load_classifier(tmp_path, family.labels)
    assert torch.equal(logits(loaded, in_new_ids(batch, vocabulary)), expected)


def test_a_trimmed_teachers_logits_are_the_teachers_to_the_bit(
    family: Any, vocabulary: Vocabulary, batch: Batch
) -> None:
    teacher = load_classifier(family.teacher)
    trimmed = trim(teacher, vocabulary)
    assert torch.equal(logits(trimmed, in_new_ids(batch, vocabulary)), logits(teacher, batch))
    assert why_not_trimmable(teacher, vocabulary, batch) is None
    assert trim(teacher, None) is teacher


def test_its_token_ids_are_new_ones(family: Any, vocabulary: Vocabulary) -> None:
    whole, trimmed = both(family, vocabulary)
    assert trimmed.config.vocab_size == trimmed.get_input_embeddings().num_embeddings == len(vocabulary)
    assert trimmed.get_input_embeddings().padding_idx == whole.get_input_embeddings().padding_idx == PAD
    for name in ("pad_token_id", "bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id"):
        token = getattr(whole.config, name, None)
        if token is not None:
            assert vocabulary.kept[getattr(trimmed.config, name)] == token


def test_what_is_put_back_is_the_whole_model(family: Any, vocabulary: Vocabulary, tmp_path: Any) -> None:
    whole, trimmed = both(family, vocabulary)
    again = put_back(trimmed, vocabulary, whole)
    assert same_state(again, whole)
    for number, model in enumerate((again, whole)):
        model.save_pretrained(tmp_path / str(number))
    texts = [(tmp_path / str(number) / "config.json").read_text() for number in (0, 1)]
    assert texts[0] == texts[1]
    assert put_back(whole, None, whole) is whole


def same_state(one: nn.Module, other: nn.Module) -> bool:
    a, b = one.state_dict(), other.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_special_tokens_are_those_of_tokenizer_and_configuration(tokenizer: Any) -> None:
    config = BertConfig(vocab_size=len(tokenizer), pad_token_id=1, bos_token_id=9, eos_token_id=10**6)
    assert special_ids(config, tokenizer) == {0, 1, 2, 3, 4, 9}


def test_a_vocabulary_of_another_size_is_refused(bert: Any, vocabulary: Vocabulary) -> None:
    other = Vocabulary(vocabulary.size + 1, vocabulary.kept)
    with pytest.raises(ValueError, match=rf"rows, the vocabulary {other.size} tokens"):
        trim(load_classifier(bert.teacher), other)


# Where the padding token cannot stay

SMALL: dict[str, Any] = {
    "vocab_size": 99,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 37,
    "pad_token_id": 90,
}


@pytest.mark.parametrize("kind", ["bert", "modernbert", "roberta"])
def test_a_model_whose_positions_count_from_padding_that_moves_keeps_its_vocabulary(kind: str) -> None:
    of_kind: dict[str, Callable[[], Any]] = {
        "bert": lambda: BertConfig(**SMALL),
        "modernbert": lambda: ModernBertConfig(
            **SMALL, bos_token_id=0, eos_token_id=2, cls_token_id=0, sep_token_id=2, local_attention=8
        ),
        "roberta": lambda: RobertaConfig(**SMALL, bos_token_id=0, eos_token_id=2),
    }
    torch.manual_seed(0)
    model = AutoModelForSequenceClassification.from_config(of_kind[kind]())
    ids = torch.tensor([[0, 40, 41, 2], [0, 42, 2, 90]])
    batch = {"input_ids": ids, "attention_mask": (ids != 90).long()}
    vocabulary = Vocabulary.of([ids.numpy()], (), 90, 99)
    assert vocabulary.trim_id(90) != 90
    why_not = why_not_trimmable(model, vocabulary, batch)
    assert why_not == ("roberta gives other logits on part of its vocabulary" if kind == "roberta" else None)


def test_a_model_that_breaks_on_part_of_its_vocabulary_keeps_it(
    bert: Any, vocabulary: Vocabulary, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: Any) -> Any:
        raise IndexError("index out of range\nin self")

    monkeypatch.setattr("study.trial.models.trimming.assemble", breaks)
    why_not = why_not_trimmable(load_classifier(bert.teacher), vocabulary, batch)
    assert why_not == "bert cannot be built on part of a vocabulary: index out of range"


# The training


CLIP = 1e-3


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[tuple[float, float]]]:
    """Takes `STEPS` steps with decay, each of them clipped; returns each one's loss and gradient norm."""
    norms: list[float] = []
    norm_of = gradient_norm

    def measured(*arguments: Any) -> Tensor:
        norm = norm_of(*arguments)
        norms.append(float(norm))
        return norm

    monkeypatch.setattr(training, "gradient_norm", measured)

    def train(model: Any, batch: Batch, threads: int = 1) -> list[tuple[float, float]]:
        norms.clear()
        labels = torch.arange(len(batch["input_ids"])) % 3

        def step_loss(step: int) -> tuple[Tensor, Tensor]:
            rows = torch.arange(step, step + 3) % len(labels)
            out = model(**{name: tensor[rows] for name, tensor in batch.items()})
            first = out.logits.reshape(len(rows), -1, 3)[:, 0]  # of a classifier of tokens the first token
            return nn.functional.cross_entropy(first, labels[rows]), torch.tensor(math.log(3))

        recipe = Recipe(STEPS, 1e-2, seed=5, weight_decay=0.1, gradient_clip=CLIP)
        one = Training(model, step_loss, recipe, Numerics.here(threads))
        losses = [one.advance(to).loss for to in range(1, STEPS + 1)]
        assert min(norms) > CLIP, "every step is to be clipped"
        return list(zip(losses, norms, strict=True))

    return train


def set_dropout(model: nn.Module, share: float) -> None:
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = share
        elif isinstance(getattr(module, "attention_dropout", None), float):
            vars(module)["attention_dropout"] = share


@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_its_training_is_the_whole_ones_to_the_bit(
    family: Any, vocabulary: Vocabulary, batch: Batch, trained: Any, dropout: float
) -> None:
    whole, trimmed = both(family, vocabulary)
    start = {name: tensor.clone() for name, tensor in whole.state_dict().items()}
    for model in (whole, trimmed):
        set_dropout(model, dropout)
    expected = trained(whole, batch)
    assert trained(trimmed, in_new_ids(batch, vocabulary)) == expected
    folders = family.config(), family.base, family.teacher, family.labels
    first = build_student(*folders, kind=family.kind)
    assert same_state(put_back(trimmed, vocabulary, first), whole)
    assert torch.equal(logits(trimmed, in_new_ids(batch, vocabulary)), logits(whole, batch))

    # Why: rows of tokens that do not occur have not moved at all, and those that occur have.
    name = token_embedding(whole)
    moved = (whole.state_dict()[name] != start[name]).any(dim=1).numpy()
    occur = np.unique(batch["input_ids"].numpy())
    assert sorted(np.flatnonzero(moved)) == sorted(set(occur.tolist()) - {PAD})


@pytest.mark.parametrize(("width", "threads"), [(16, 1), (16, 2), (20, 2), (36, 1)])
def test_of_any_width_and_on_any_threads_it_is_the_whole_ones_at_least_to_rounding(
    vocabulary: Vocabulary, batch: Batch, trained: Any, width: int, threads: int
) -> None:
    """To the bit at a multiple of 16: elsewhere AdamW computes a tensor's last few numbers by other means."""
    values: dict[str, Any] = SMALL | {
        "vocab_size": vocabulary.size,
        "hidden_size": width,
        "pad_token_id": PAD,
    }
    torch.manual_seed(0)
    whole: Any = AutoModelForSequenceClassification.from_config(BertConfig(**values | {"num_labels": 3}))
    trimmed, start = trim(whole, vocabulary), copy.deepcopy(whole)
    expected = trained(whole, batch, threads)
    measured = trained(trimmed, in_new_ids(batch, vocabulary), threads)
    torch.set_num_threads(1)
    again = put_back(trimmed, vocabulary, start)
    if width % 16 == 0:
        assert measured == expected
        assert same_state(again, whole)
    ours, theirs = again.state_dict(), whole.state_dict()
    for name, tensor in theirs.items():
        torch.testing.assert_close(ours[name].double(), tensor.double(), rtol=0, atol=1e-6)


def test_a_teacher_begins_with_the_same_head_whole_or_trimmed(bert: Any, vocabulary: Vocabulary) -> None:
    start: Any = new_classifier(bert.base, bert.labels, 7)
    trimmed: Any = trim(start, vocabulary)
    assert torch.equal(trimmed.classifier.weight, start.classifier.weight)
    assert trimmed.config.id2label == start.config.id2label
    assert read_config(bert.base).vocab_size == start.config.vocab_size == vocabulary.size
