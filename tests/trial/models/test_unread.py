"""Leaving out what a classifier does not read changes nothing but the order of sums."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import AutoModelForSequenceClassification

from study.trial.models.student import build_student
from study.trial.models.unread import _copy, skip_unread
from study.trial.training import Numerics, Recipe, Training
from tests.trial.models.architectures import tiny_config

LEAVES_OUT = {"bert", "roberta", "xlm-roberta", "electra", "deberta-v2"}
LEARNING_RATE = 1e-3


def student(family: Any, dropout: float = 0.0, **values: Any) -> Any:
    config = family.config(init="teacher", **values)
    model: Any = build_student(config, family.base, family.teacher, family.labels)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = dropout
    return model


def test_a_classifier_of_tokens_reads_all_of_them(families: Any) -> None:
    family = families("bert", "token")
    model: Any = build_student(family.config(), family.base, family.teacher, family.labels, kind="token")
    assert not skip_unread(model)


def test_logits_are_the_same(family: Any, batch: Any) -> None:
    model = student(family)
    with torch.no_grad():
        whole = model(**batch).logits
        applies = skip_unread(model)
        less = model(**batch).logits
    assert applies == (family.name in LEAVES_OUT)
    torch.testing.assert_close(less, whole, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_training_is_the_same_without_dropout(family: Any, batch: Any, depth: int) -> None:
    labels = torch.tensor([0, 1, 2, 0, 1])
    models, losses = [], []
    for leave_out in (False, True):
        model = student(family, depth=depth)
        model.config._attn_implementation = "eager"
        for name in ("hidden_dropout_prob", "attention_probs_dropout_prob", "attention_dropout"):
            if hasattr(model.config, name):
                setattr(model.config, name, 0.0)
        if leave_out:
            skip_unread(model)
        losses.append(train(model, batch, labels))
        models.append(model)
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    # AdamW turns rounding in a gradient near zero into a step of up to the learning rate, so not to 1e-6
    for one, other in zip(*(m.state_dict().values() for m in models), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=LEARNING_RATE / 2)


def train(model: Any, batch: Any, labels: Any) -> float:
    def step_loss(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        loss = torch.nn.functional.cross_entropy(model(**batch).logits, labels)
        return loss, loss

    return Training(model, step_loss, Recipe(5, LEARNING_RATE, seed=0), Numerics.here()).advance(5).loss


def test_gradients_are_the_same_to_rounding(bert: Any, batch: Any) -> None:
    """One backward pass: nothing is lost but terms that were exactly zero."""
    gradients = []
    for leave_out in (False, True):
        model = student(bert).double()
        if leave_out:
            assert skip_unread(model)
        model(**batch).logits.square().sum().backward()
        gradients.append({n: p.grad for n, p in model.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    for name, whole in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], whole, rtol=1e-9, atol=1e-12)


def test_asked_twice_it_is_done_once(bert: Any) -> None:
    model = student(bert)
    assert skip_unread(model)
    assert skip_unread(model)
    output = model.bert.encoder.layer[-1].attention.output
    assert len(output._forward_pre_hooks) == 1


def test_no_random_draw_and_no_mode_is_changed(bert: Any) -> None:
    model = student(bert).train()
    state = torch.get_rng_state()
    skip_unread(model)
    assert torch.equal(torch.get_rng_state(), state)
    assert model.training
    assert all(module.training for module in model.modules())


@pytest.mark.parametrize("depth", [1, 3])
def test_training_is_the_same_with_dropout(family: Any, batch: Any, depth: int) -> None:
    """Masks are drawn for all tokens, so every later layer's and step's are what they were."""
    logits, states, applies = [], [], []
    for leave_out in (False, True):
        model = student(family, dropout=0.3, depth=depth).train()
        model.config._attn_implementation = "eager"
        if leave_out:
            applies.append(skip_unread(model))
        torch.manual_seed(5)
        logits.append(torch.stack([model(**batch).logits for _ in range(3)]))
        states.append(torch.get_rng_state())
    assert applies == [family.name in LEAVES_OUT]
    assert not torch.equal(logits[0][0], logits[0][1])  # there is dropout
    torch.testing.assert_close(logits[1], logits[0], rtol=1e-5, atol=1e-5)
    assert torch.equal(*states)


def test_a_model_that_is_left_alone_keeps_its_dropout(bert: Any) -> None:
    model = student(bert, dropout=0.1)
    model.bert.pooler = Mean()
    kinds = [type(module) for module in model.modules()]
    assert not skip_unread(model)
    assert [type(module) for module in model.modules()] == kinds


class Mean(torch.nn.Module):
    def forward(self, states: torch.Tensor) -> torch.Tensor:
        return states.mean(dim=1)


def test_a_head_that_reads_all_tokens_is_left_alone(bert: Any, batch: Any) -> None:
    model = student(bert)

    model.bert.pooler = Mean()
    with torch.no_grad():
        whole = model(**batch).logits
        assert not skip_unread(model)
        assert torch.equal(model(**batch).logits, whole)


@pytest.mark.parametrize("name", ["bert", "electra"])
def test_the_probe_changes_nothing_in_the_model(families: Any, batch: Any, name: str) -> None:
    """A forward pass may change a model: it counts, keeps a mean of what it saw, replaces a part."""
    model = student(families(name))
    model.counter = Counter(8)
    model.register_forward_pre_hook(lambda module, _: [None, module.counter(torch.ones(4, 8))][0])
    state = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    parts = [*model.modules()]
    assert skip_unread(model)
    assert model.counter.seen == 0
    assert all(torch.equal(tensor, state[key]) for key, tensor in model.state_dict().items())
    left = set(map(id, model.modules()))
    assert all(id(part) in left for part in parts if not isinstance(part, torch.nn.Dropout))


class Counter(torch.nn.BatchNorm1d):
    """As in a model that adapts to what it sees."""

    seen = 0

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        self.seen += 1
        return super().forward(states)


def test_a_copy_for_the_probe_shares_the_parameters(bert: Any) -> None:
    model = student(bert)
    places = {parameter.data_ptr() for parameter in model.parameters()}
    assert {parameter.data_ptr() for parameter in _copy(model).parameters()} == places


def test_bigbird_reads_a_long_text_after_a_short_probe() -> None:
    """Its attention to blocks pads a long text, and cuts the padding off after the last layer."""
    model: Any = AutoModelForSequenceClassification.from_config(tiny_config("big_bird", 99)).eval()
    ids = torch.arange(2 * 43).reshape(2, 43)
    with torch.no_grad():
        whole = model(input_ids=ids).logits
        assert not skip_unread(model)
        torch.testing.assert_close(model(input_ids=ids).logits, whole)
