"""What a model answers to a batch depends on no batch before."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from transformers import AutoModelForSequenceClassification, BigBirdConfig

from study.trial.models.afresh import read_afresh
from study.trial.models.unread import skip_unread


@pytest.fixture
def big_bird() -> Any:
    config = BigBirdConfig(
        vocab_size=200,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=37,
        block_size=4,
        num_random_blocks=1,
        max_position_embeddings=256,
        hidden_dropout_prob=0.1,
    )
    torch.manual_seed(0)
    model: Any = AutoModelForSequenceClassification.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return model


def texts(length: int) -> dict[str, torch.Tensor]:
    ids = torch.randint(5, 200, (2, length), generator=torch.Generator().manual_seed(length))
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def logits(model: Any, *lengths: int) -> torch.Tensor:
    """Of the last of these batches."""
    with torch.no_grad():
        return [model(**texts(length)).logits for length in lengths][-1]  # type: ignore[no-any-return]


def test_a_long_text_after_a_short_one_is_read_as_it_is_alone(big_bird: Any) -> None:
    alone = logits(copy.deepcopy(big_bird), 120)
    assert not torch.allclose(logits(copy.deepcopy(big_bird), 10, 120), alone, atol=1e-4)  # the library's own
    read_afresh(big_bird)
    assert torch.equal(logits(big_bird, 10, 120), alone)


def test_the_probe_leaves_the_attention_as_it_was(big_bird: Any) -> None:
    alone = logits(copy.deepcopy(big_bird), 120)
    assert not skip_unread(big_bird)  # to a long text, the last layer's first state alone is no use
    assert big_bird.bert.attention_type == "block_sparse"
    torch.testing.assert_close(logits(big_bird, 120), alone, rtol=1e-4, atol=1e-4)


def test_dropout_masks_depend_on_no_batch_before(big_bird: Any) -> None:
    read_afresh(big_bird)
    big_bird.train()
    found = []
    for before in ((), (10,), (120, 10)):
        for length in before:
            logits(big_bird, length)
        torch.manual_seed(3)
        found.append(logits(big_bird, 120))
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


def test_asked_twice_it_is_done_once_and_others_are_left_alone(big_bird: Any, bert: Any) -> None:
    read_afresh(big_bird)
    read_afresh(big_bird)
    assert len(big_bird._forward_pre_hooks) == 1
    other: Any = AutoModelForSequenceClassification.from_pretrained(bert.teacher)
    read_afresh(other)
    assert not other._forward_pre_hooks
