"""A given teacher answers in its stored outputs as it does in plain transformers; if not, a study stops."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForMaskedLM, AutoModelForSequenceClassification, BertConfig

from study.config import TrialConfig
from study.errors import RequestError, StudyStopped
from study.planning.base_model import find_teacher, store_model
from study.storage.artifacts import Store
from study.trial import prepare, teaching
from study.trial.data.task import Task
from study.trial.inputs import Inputs
from study.trial.models import teacher as teachers
from study.trial.models.teacher import new_classifier
from study.trial.models.tokenizer import load_tokenizer
from study.trial.prepare import Preparation

SPLITS = ("train", "validation")


@dataclass(frozen=True)
class Given:
    """A teacher that the user gives, and a store that has the task and its base model."""

    store: Store
    folder: Path
    config: TrialConfig
    task: Task

    def build(self, whole: bool = False) -> Inputs:
        return Preparation(self.store, str(self.folder), whole).build(self.config, SPLITS)


@pytest.fixture(params=["roberta", "bert"])
def given(request: pytest.FixtureRequest, workshop: Any, model_folder: Path, tmp_path: Path) -> Given:
    """Its classes are not in the task's order, and its answers are far apart."""
    base = model_folder
    if request.param == "bert":
        base = tmp_path / "bert"
        tokenizer = load_tokenizer(model_folder)
        sizes: dict[str, Any] = {
            "hidden_size": 32,
            "num_hidden_layers": 4,
            "num_attention_heads": 4,
            "intermediate_size": 37,
        }
        config = BertConfig(vocab_size=len(tokenizer), pad_token_id=1, **sizes)
        torch.manual_seed(0)
        AutoModelForMaskedLM.from_config(config).save_pretrained(base)
        tokenizer.save_pretrained(base)
    store = Store(tmp_path / "store")
    Preparation(store).store_task(workshop.task)
    model = store_model(store, str(base), 1)
    stored = store.path("models", str(model.fingerprint))
    labels = random.Random(1).sample(workshop.task.labels, len(workshop.task.labels))
    torch.manual_seed(0)
    teacher = new_classifier(stored, labels, 5)
    with torch.no_grad():
        for parameter in teacher.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    teacher.save_pretrained(tmp_path / "given")
    load_tokenizer(base).save_pretrained(tmp_path / "given")
    fingerprint = find_teacher(str(tmp_path / "given"), workshop.task.labels, stored)
    config = workshop.config(model=model.fingerprint, teacher=fingerprint, max_length=24)
    return Given(store, tmp_path / "given", config, workshop.task)


@pytest.mark.parametrize("whole", [False, True])
def test_the_comparison_is_made_and_recorded(given: Given, whole: bool) -> None:
    assert not Preparation(given.store, str(given.folder), whole).has(given.config, SPLITS)
    inputs = given.build(whole)
    assert Preparation(given.store, str(given.folder), whole).has(given.config, SPLITS)
    file = given.store.path("comparisons", inputs.comparison_key) / "comparison.json"
    about = json.loads(file.read_text())
    assert about["texts"] == 32
    assert about["largest_logit"] > 0.5
    assert about["largest_difference"] < 1e-5 * about["largest_logit"]
    assert inputs.how_teacher_compares == about["said"]
    assert "answers as in plain transformers: on 32 texts of validation" in about["said"]


def test_the_outputs_are_those_of_plain_transformers(given: Given) -> None:
    """All of them: in the user's own code, with the user's own files."""
    inputs = given.build()
    model: Any = AutoModelForSequenceClassification.from_pretrained(given.folder)
    tokenizer = load_tokenizer(given.folder)
    texts = given.task.splits["validation"].texts
    with torch.no_grad():
        plain = np.stack(
            [
                model(**tokenizer(text, truncation=True, max_length=24, return_tensors="pt"))
                .logits[0]
                .numpy()
                for text in texts
            ]
        )
    columns = [model.config.label2id[label] for label in given.task.labels]
    np.testing.assert_allclose(inputs.teacher_logits("validation"), plain[:, columns], rtol=1e-4, atol=1e-4)


def scrambled(rows: Callable[..., Any]) -> Callable[..., Any]:
    """As if the head were not found: no row of it is moved."""
    return lambda model: []


def shifted(predict: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """As if something else were read than the texts: a little, but more than rounding."""
    return lambda *args: predict(*args) * 1.01


FAULTS = [(teachers, "_rows_of_classes", scrambled), (teaching, "predict_logits", shifted)]


@pytest.mark.parametrize(
    ("module", "name", "fault"), FAULTS, ids=lambda value: getattr(value, "__name__", value)
)
def test_other_answers_stop_the_study(
    given: Given, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, fault: Callable[..., Any]
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(module, name, fault(getattr(module, name)))
        with pytest.raises(
            StudyStopped, match="answers otherwise here than in plain transformers"
        ) as stopped:
            given.build()
    assert "\n" not in str(stopped.value)
    assert not any((given.store.root / "comparisons").glob("*"))
    with pytest.raises(StudyStopped):  # the outputs of before are in the store: they are compared again
        given.build()


def test_a_teacher_whose_files_have_changed_is_not_imported(given: Given) -> None:
    config = given.folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"layer_norm_eps": 1e-3}))
    with pytest.raises(RequestError, match="not the teacher any more that was given at first"):
        given.build()
    assert not any((given.store.root / "teachers").glob("*"))


def test_a_study_goes_on_without_the_given_files(given: Given, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an earlier version, which compared nothing, and whose store has the teacher."""
    with monkeypatch.context() as patch:
        patch.setattr(prepare, "_compares", lambda config, splits: False)
        given.build()
    shutil.rmtree(given.folder)
    said = given.build().how_teacher_compares
    assert said is not None
    assert said.startswith("the given teacher was not compared with plain transformers: ")


def test_of_a_teacher_that_is_trained_here_nothing_is_said(workshop: Any, config: Any) -> None:
    inputs = workshop.inputs(config)
    assert inputs.how_teacher_compares is None
    assert not any((workshop.store.root / "comparisons").glob(inputs.comparison_key))
