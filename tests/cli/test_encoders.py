"""Every command that reads a model, over encoders of the library and over configurations that are broken.

The types that are not here are in the matrix (`tests/trial/models/matrix.py`), which takes minutes.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoModelForSequenceClassification

from study.trial.models.loading import labelled, read_config
from tests.trial.models.architectures import LABELS, tiny_config, tokenizer, write_model, write_task
from tests.trial.models.matrix import BIT, outcome_of

SPACE = """
from study.space import SearchSpace

SPACE = SearchSpace(
    question="does it run?",
    scientific={"init": ("random", "base", "teacher")},
    fixed={"depth": "1/2", "steps": 2, "teacher_steps": 2, "batch_size": 8, "teacher_batch_size": 8},
    trials=1,
    confirm_seeds=0,
)
"""
COMMANDS = ("plan {space}", "run {space}", "trial")
"""The commands that read a model before anything is written; `run` in this process, as far as its refusal."""

BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "a width that is text": ({"hidden_size": "32"}, "config.json: .*hidden_size.*"),
    "no width": ({"hidden_size": None}, "config.json: .*hidden_size.*"),
    "a negative width": ({"hidden_size": -32}, "config.json: hidden_size: must be at least 1, not -32"),
    "no layers": ({"num_hidden_layers": 0}, "config.json: num_hidden_layers: must be at least 1 .*, not 0"),
    "negative layers": ({"num_hidden_layers": -1}, "config.json: num_hidden_layers: must be .*, not -1"),
    "a million layers": ({"num_hidden_layers": 10**6}, "config.json: num_hidden_layers: .* at most 1000, .*"),
    "layers that are text": ({"num_hidden_layers": "four"}, "config.json: .*num_hidden_layers.*"),
    "layers that are a list": ({"num_hidden_layers": [4]}, "config.json: .*num_hidden_layers.*"),
    "a vocabulary of no tokens": ({"vocab_size": 0}, "config.json: vocab_size: must be at least 1, not 0"),
    "a smaller vocabulary than the tokenizer's": ({"vocab_size": 100}, ".*(tokens but only 100|shape).*"),
    "heads that do not divide the width": ({"num_attention_heads": 5}, "config.json: .*attention heads.*"),
    "no heads": ({"num_attention_heads": 0}, "config.json: num_attention_heads: must be at least 1, not 0"),
    "an unknown activation": ({"hidden_act": "geglu"}, "config.json: .*hidden_act: .*'geglu'"),
    "an activation that is a number": ({"hidden_act": 3}, "config.json: .*hidden_act.*"),
    "attention that is not installed": (
        {"attn_implementation": "flash_attention_2", "_attn_implementation": "flash_attention_2"},
        "config.json: .*FlashAttention2.*",
    ),
    "weights that bitsandbytes quantised": (
        {"quantization_config": {"quant_method": "bitsandbytes", "load_in_8bit": True}},
        r"config.json: quantization_config: the weights are quantised \(bitsandbytes\), .*",
    ),
    "weights that GPTQ quantised": (
        {"quantization_config": {"quant_method": "gptq", "bits": 4}},
        r"config.json: quantization_config: the weights are quantised \(gptq\), .*",
    ),
    "a negative padding token": (
        {"pad_token_id": -1},
        "config.json: pad_token_id: must be from 0 to .*not -1",
    ),
    "a padding token beyond the vocabulary": (
        {"pad_token_id": 4000},
        "config.json: pad_token_id: .*, not 4000",
    ),
    "a padding token that is text": ({"pad_token_id": "<pad>"}, "config.json: .*pad_token_id.*"),
    "no positions": ({"max_position_embeddings": 0}, "config.json: max_position_embeddings: .*"),
    "positions that are text": (
        {"max_position_embeddings": "many"},
        "config.json: .*max_position_embeddings.*",
    ),
    "fewer positions than tokens": (
        {"max_position_embeddings": 16},
        r".*shapes of its config.json, as embeddings.position_embeddings.weight.*",
    ),
    "no token types": ({"type_vocab_size": 0}, ".*shapes of its config.json, as .*token_type_embeddings.*"),
    "a dropout of seven": ({"hidden_dropout_prob": 7}, "config.json: .*dropout probability.*"),
    "a dropout that is text": ({"hidden_dropout_prob": "much"}, "config.json: .*hidden_dropout_prob.*"),
    "names of classes that are a text": ({"id2label": "x"}, "config.json: id2label: must name .*"),
    "classes with names for ids": ({"id2label": {"a": "b"}}, "config.json: id2label: must .*"),
    "a dtype that does not exist": ({"dtype": "float99"}, "config.json: dtype: .*float99.*"),
    "a type that does not exist": ({"model_type": "no-such-type"}, "config.json: .*no-such-type.*"),
    "another type": ({"model_type": "distilbert"}, ".*(lack|without a place).*"),
    "a decoder": ({"is_decoder": True}, ".*is not an encoder.*"),
    "a type that is a number": ({"model_type": 7}, "config.json: no model_type, .*"),
}
"""What is changed in a BERT's configuration, and what the one line on stderr is about."""


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a space, a task and a BERT."""
    folder = tmp_path_factory.mktemp("encoders")
    (folder / "space.py").write_text(SPACE)
    write_task(folder / "task")
    bert = write_model(tiny_config("bert", len(tokenizer())), folder / "bert")
    new_classifier_in(folder / "teacher", bert)
    return folder


def new_classifier_in(folder: Path, bert: Path) -> None:
    """Save a classifier of the task's labels that is as large as `bert`."""
    config = labelled(read_config(bert), LABELS)
    AutoModelForSequenceClassification.from_config(config).save_pretrained(folder)
    tokenizer().save_pretrained(folder)


Refused = Callable[..., str]


@pytest.fixture
def refused(here: Path, command: Any, tmp_path: Path, tree: Any) -> Refused:
    """`refused(*options)`: the line with which every command refuses them; nothing is written."""

    def run(*options: str | Path) -> str:
        lines: set[str] = set()
        for words in COMMANDS:
            named = [word.format(space=here / "space.py") for word in words.split()]
            home = tmp_path / "home"
            answer = command(*named, "--task", here / "task", *options, "--home", home)
            assert (answer.code, answer.out) == (2, ""), (words, answer)
            (line,) = answer.err.splitlines()
            assert not home.exists()
            lines.add(line)
        assert len(lines) == 1
        return lines.pop()

    return run


def changed(source: Path, folder: Path, changes: dict[str, Any]) -> Path:
    """A copy of the model in `source` whose config.json has `changes`."""
    shutil.copytree(source, folder)
    values = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps(values | changes), "utf-8")
    return folder


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_configuration_is_refused_in_one_line_by_every_command(
    name: str, here: Path, refused: Refused, tmp_path: Path
) -> None:
    changes, complaint = BROKEN[name]
    model = changed(here / "bert", tmp_path / "model", changes)
    line = refused("--model", model)
    assert line.startswith(f"kdstudy: {model}") or "max_length" in line
    assert re.fullmatch(complaint, line.removeprefix("kdstudy: ").removeprefix(f"{model}/")), line


@pytest.mark.parametrize(
    "name",
    [
        "a width that is text",
        "heads that do not divide the width",
        "an unknown activation",
        "a negative padding token",
        "weights that GPTQ quantised",
        "names of classes that are a text",
        "a type that does not exist",
    ],
)
def test_a_given_teacher_with_a_broken_configuration_is_refused_likewise(
    name: str, here: Path, refused: Refused, tmp_path: Path
) -> None:
    changes, complaint = BROKEN[name]
    teacher = changed(here / "teacher", tmp_path / "teacher", changes)
    line = refused("--model", here / "bert", "--teacher", teacher)
    assert re.fullmatch(complaint, line.removeprefix(f"kdstudy: {teacher}/")), line


@pytest.mark.parametrize(
    "kind", ["roberta", "data2vec-text", "ibert", "longformer", "mpnet", "roberta-prelayernorm"]
)
def test_positions_that_are_counted_from_padding_reach_fewer_tokens(
    kind: str, here: Path, refused: Refused, tmp_path: Path
) -> None:
    """A table of 130 rows reaches 128 tokens, because positions begin after the padding token, 1."""
    model = write_model(tiny_config(kind, len(tokenizer())), tmp_path / "model")
    line = refused("--model", model, "--set", "max_length=130")
    reach = "the model's position embeddings reach 128 tokens, not 130"
    assert line == f"kdstudy: max_length: {reach}; --set max_length=128"


@pytest.mark.parametrize(
    "kind", ["bert", "xlm-roberta", "distilbert", "deberta-v2", "modernbert", "longformer"]
)
def test_a_student_of_half_the_depth_is_planned_trained_and_exported(
    kind: str, here: Path, tmp_path: Path
) -> None:
    assert outcome_of(kind, here / "task", tmp_path).how == BIT
