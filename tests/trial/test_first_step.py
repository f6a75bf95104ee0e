"""The first step of a plan's models: it finds what no check foresees, and costs little."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import BertConfig, BertModel, PreTrainedConfig

from study.errors import RequestError
from study.trial import first_step
from study.trial.data.sources import load_task
from study.trial.data.task import Task
from study.trial.first_step import check_first_step, longest_and_shortest
from study.trial.models.tokenizer import load_tokenizer

LABELS = ("alarm", "music", "news", "weather")
SIZE = {"hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 48}
WHOLE = [[layer] for layer in range(4)]
HALF = [[0], [2]]


@pytest.fixture(scope="module")
def task(task_folder: Path) -> Task:
    return load_task(str(task_folder))


@pytest.fixture
def bert(model_folder: Path) -> Callable[..., PreTrainedConfig]:
    """A configuration for the tokenizer of the tiny model."""
    tokens = len(load_tokenizer(model_folder))
    return lambda **values: BertConfig(vocab_size=tokens, pad_token_id=1, **SIZE | values)


@pytest.fixture
def depths(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The depth of every model that is run from now on."""
    seen: list[int] = []
    run = BertModel.forward

    def counted(self: Any, *values: Any, **more: Any) -> Any:
        seen.append(len(self.encoder.layer))
        return run(self, *values, **more)

    monkeypatch.setattr(BertModel, "forward", counted)
    return seen


def test_the_batch_has_the_longest_text_and_much_padding(task: Task, model_folder: Path) -> None:
    split = task.splits["train"]
    lengths = [len(ids) for ids in load_tokenizer(model_folder)(list(split.texts))["input_ids"]]
    batch = longest_and_shortest(task, model_folder, 128)
    assert batch.lengths.tolist()[0] == max(lengths)
    assert batch.lengths.tolist()[1] < max(lengths)
    assert longest_and_shortest(task, model_folder, 5).lengths.max() == 5


def test_each_shape_takes_a_step_once(
    task: Task, model_folder: Path, bert: Callable[..., PreTrainedConfig], depths: list[int]
) -> None:
    config = bert()
    batch = longest_and_shortest(task, model_folder, 128)
    check_first_step(model_folder, [(config, WHOLE), (config, HALF), (config, [[1], [3]])], batch, LABELS)
    assert set(depths) == {4, 2}
    assert depths.count(2) == depths.count(4)


def test_of_a_large_model_only_the_first_layers_take_the_step(
    task: Task,
    model_folder: Path,
    bert: Callable[..., PreTrainedConfig],
    depths: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(first_step, "MOST", 1)
    check_first_step(model_folder, [(bert(), WHOLE)], longest_and_shortest(task, model_folder, 128), LABELS)
    assert set(depths) == {1}


def test_what_the_library_raises_becomes_one_line_with_its_reason(
    task: Task, model_folder: Path, bert: Callable[..., PreTrainedConfig]
) -> None:
    """A BERT without token types can be built, and fails at the first text."""
    batch = longest_and_shortest(task, model_folder, 128)
    with pytest.raises(RequestError) as refused:
        check_first_step(model_folder, [(bert(type_vocab_size=0), HALF)], batch, LABELS)
    cause = refused.value.__cause__  # `--debug` shows it
    assert isinstance(cause, RuntimeError)
    tokens = batch.lengths.max()
    assert str(refused.value) == (
        f"{model_folder}: the first step of a bert of 2 layers on a text of {tokens} tokens fails: {cause} "
        "(an embedding has 0 rows)"
    )


def test_a_model_that_needs_its_whole_vocabulary_takes_the_step_with_it(
    task: Task,
    model_folder: Path,
    bert: Callable[..., PreTrainedConfig],
    depths: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = BertModel.forward
    config = bert()

    def whole(self: Any, *values: Any, **more: Any) -> Any:
        if self.config.vocab_size < config.vocab_size:
            raise ValueError("a part is not enough")
        return run(self, *values, **more)

    monkeypatch.setattr(BertModel, "forward", whole)
    check_first_step(model_folder, [(config, HALF)], longest_and_shortest(task, model_folder, 128), LABELS)
    assert set(depths) == {2}


def test_a_short_text_takes_a_step_alone(
    task: Task,
    model_folder: Path,
    bert: Callable[..., PreTrainedConfig],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    batch = longest_and_shortest(task, model_folder, 128)
    run = BertModel.forward

    def of_a_length(self: Any, input_ids: Any, **more: Any) -> Any:
        if input_ids.shape[1] == batch.lengths[1]:
            raise ValueError("a text must be longer")
        return run(self, input_ids, **more)

    monkeypatch.setattr(BertModel, "forward", of_a_length)
    with pytest.raises(RequestError, match=r"a text must be longer$"):
        check_first_step(model_folder, [(bert(), HALF)], batch, LABELS)
