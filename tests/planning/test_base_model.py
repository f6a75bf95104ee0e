"""The base model and a given teacher: found, looked at, stored once, the same after a kill."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from transformers import BertConfig, PreTrainedConfig, RobertaConfig

from study.errors import RequestError
from study.planning.base_model import find_model, find_teacher, longest_text, store_model
from study.planning.request import EMBEDDED
from study.storage.artifacts import Store
from study.trial import pretraining
from study.trial.data.phrasebook import corpus
from study.trial.models.fingerprint import encoder_fingerprint
from study.trial.models.tokenizer import load_tokenizer
from study.trial.training import Interval, Training
from tests.kills import killed_in


def test_the_base_model_is_stored_without_its_head(workshop: Any, model_folder: Path) -> None:
    folder = workshop.store.path("models", workshop.model)
    assert workshop.model == encoder_fingerprint(model_folder)
    assert json.loads((folder / "config.json").read_text())["num_hidden_layers"] == 4
    probe = "Ẹ káàárọ̀, drei"
    assert load_tokenizer(folder)(probe).input_ids == load_tokenizer(model_folder)(probe).input_ids


def test_looking_at_a_model_writes_nothing(model_folder: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "home" / "artifacts")
    model = find_model(store, str(model_folder))
    assert (model.folder, model.fingerprint) == (model_folder, encoder_fingerprint(model_folder))
    assert find_model(store, EMBEDDED).fingerprint is None
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("config", "longest"),
    [
        (RobertaConfig(max_position_embeddings=514, pad_token_id=1), 512),
        (RobertaConfig(max_position_embeddings=514, pad_token_id=0), 513),
        (BertConfig(max_position_embeddings=512, pad_token_id=0), 512),
    ],
)
def test_the_longest_text_is_what_position_embeddings_reach(config: PreTrainedConfig, longest: int) -> None:
    assert longest_text(config) == longest


@pytest.fixture
def short_pretraining(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "TEXTS", 50)
    short = pretraining.PRETRAINING | {"steps": 10, "batch_size": 4}
    monkeypatch.setattr(pretraining, "PRETRAINING", short)


def test_the_embedded_encoder_is_pretrained_once_and_the_same_after_a_kill(
    short_pretraining: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = store_model(Store(tmp_path / "whole"), EMBEDDED, 1)
    store = Store(tmp_path / "killed")
    with monkeypatch.context() as patch:
        killed_in(patch, Training, "save", 6)
        with pytest.raises(KeyboardInterrupt):
            store_model(store, EMBEDDED, 1)
    assert find_model(store, EMBEDDED).fingerprint is None
    with monkeypatch.context() as patch:
        steps: list[int] = []
        advance = Training.advance

        def counted(self: Training, to: int) -> Interval:
            steps.append(to)
            return advance(self, to)

        patch.setattr(Training, "advance", counted)
        model = store_model(store, EMBEDDED, 1)
    assert steps == [6, 7, 8, 9, 10]
    assert model.fingerprint == whole.fingerprint
    killed_in(monkeypatch, pretraining, "pretrain", 1)
    assert store_model(store, EMBEDDED, 1).fingerprint == whole.fingerprint
    assert find_model(store, EMBEDDED).fingerprint == whole.fingerprint


# A teacher that is given


def test_a_given_teacher_needs_the_base_model_it_came_from(workshop: Any) -> None:
    folder = workshop.inputs(workshop.config(teacher_steps=20)).teacher_folder
    with pytest.raises(RequestError, match="needs --model as well"):
        find_teacher(str(folder), workshop.task.labels, None)


def test_a_given_teacher_of_other_labels_is_refused(workshop: Any) -> None:
    base = workshop.store.path("models", workshop.model)
    teacher = workshop.inputs(workshop.config(teacher_steps=20)).teacher_folder
    with pytest.raises(RequestError, match="it has weather, and lacks politics"):
        find_teacher(str(teacher), ("alarm", "music", "news", "politics"), base)
