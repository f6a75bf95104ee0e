"""The embedded encoder's pretraining: a function of its facts, and one line if it diverges."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from study.trial import pretraining
from study.trial.data.phrasebook import corpus
from study.trial.models.encoder import check_encoder
from study.trial.training import Numerics


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A pretraining of four steps on two texts each, of a small corpus."""
    monkeypatch.setattr(corpus, "TEXTS", 50)
    facts: dict[str, Any] = pretraining.PRETRAINING | {"steps": 4, "batch_size": 2, "length": 16}
    monkeypatch.setattr(pretraining, "PRETRAINING", facts)
    return facts


def test_twice_it_is_the_same_encoder_and_one_that_students_can_be_built_from(
    short: dict[str, Any], tmp_path: Path
) -> None:
    states = []
    for name in ("one", "other"):
        target, work = tmp_path / name, tmp_path / f"work of {name}"
        target.mkdir()
        work.mkdir()
        pretraining.pretrain(target, work, Numerics.here(1))
        states.append(load_file(target / "model.safetensors"))
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    check_encoder(tmp_path / "one")


def test_a_learning_rate_that_is_far_too_large_is_an_error(short: dict[str, Any], tmp_path: Path) -> None:
    short["learning_rate"] = 1e30
    with pytest.raises(RuntimeError, match="pretraining diverged"):
        pretraining.pretrain(tmp_path, tmp_path, Numerics.here(1))
