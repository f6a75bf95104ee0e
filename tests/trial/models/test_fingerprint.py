"""A model's identity: the content of its files, however they are cut."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForMaskedLM,
    AutoTokenizer,
)

from study.errors import RequestError
from study.trial.models.encoder import import_encoder
from study.trial.models.fingerprint import encoder_fingerprint


def edit_json(file: Path, **values: Any) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def test_shards_and_one_file_have_the_same_fingerprint(family: Any, tmp_path: Path) -> None:
    model = AutoModelForMaskedLM.from_pretrained(family.raw)
    AutoTokenizer.from_pretrained(family.raw).save_pretrained(tmp_path)
    model.save_pretrained(tmp_path, max_shard_size="20KB")
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 1
    assert encoder_fingerprint(tmp_path) == encoder_fingerprint(family.raw)
    import_encoder(str(tmp_path), tmp_path / "out")
    assert encoder_fingerprint(tmp_path / "out") == encoder_fingerprint(family.base)


def test_older_weights_are_read_without_unpickling_objects(bert: Any, copy: Path, tmp_path: Path) -> None:
    state = load_file(copy / "model.safetensors")
    (copy / "model.safetensors").unlink()
    torch.save(state, copy / "pytorch_model.bin")
    assert encoder_fingerprint(copy) == encoder_fingerprint(bert.raw)
    import_encoder(str(copy), tmp_path / "out")
    assert encoder_fingerprint(tmp_path / "out") == encoder_fingerprint(bert.base)
    torch.save({"weight": print}, copy / "pytorch_model.bin")
    for read in (encoder_fingerprint, lambda folder: import_encoder(str(folder), tmp_path / "evil")):
        with pytest.raises(RequestError, match="weights cannot be"):
            read(copy)


def test_a_fingerprint_is_of_contents(bert: Any, copy: Path) -> None:
    before = encoder_fingerprint(bert.raw)
    edit_json(copy / "config.json", transformers_version="4.0.0", _name_or_path="/elsewhere", use_cache=False)
    edit_json(copy / "tokenizer_config.json", name_or_path="/elsewhere")
    tokenizer = json.loads((copy / "tokenizer.json").read_text())
    truncation = {"direction": "Right", "max_length": 9, "strategy": "LongestFirst", "stride": 0}
    (copy / "tokenizer.json").write_text(json.dumps(tokenizer | {"truncation": truncation}, indent=4))
    assert encoder_fingerprint(copy) == before


def change_weight(folder: Path) -> None:
    state = load_file(folder / "model.safetensors")
    state["bert.embeddings.word_embeddings.weight"][3, 3] += 1e-3
    save_file(state, folder / "model.safetensors", {"format": "pt"})


def rename_weight(folder: Path) -> None:
    state = load_file(folder / "model.safetensors")
    state["cls.predictions.bias2"] = state.pop("cls.predictions.bias")
    save_file(state, folder / "model.safetensors", {"format": "pt"})


@pytest.mark.parametrize(
    "change",
    [
        change_weight,
        rename_weight,
        lambda folder: edit_json(folder / "config.json", layer_norm_eps=1e-6),
        lambda folder: edit_json(folder / "tokenizer.json", normalizer={"type": "Lowercase"}),
        lambda folder: edit_json(folder / "tokenizer_config.json", mask_token="<unk>"),
    ],
    ids=["weight", "name", "config", "tokenizer", "special token"],
)
def test_a_change_of_content_changes_the_fingerprint(bert: Any, copy: Path, change: Any) -> None:
    change(copy)
    assert encoder_fingerprint(copy) != encoder_fingerprint(bert.raw)
