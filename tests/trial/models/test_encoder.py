"""Base models from folders and the hub: what is stored of them, and what is refused."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForMaskedLM,
    AutoTokenizer,
    BartConfig,
    BertConfig,
    BertModel,
    GPT2Config,
    PreTrainedConfig,
    ViTConfig,
    XLMConfig,
)

from study.errors import RequestError
from study.trial.models.encoder import check_encoder, import_encoder, resolve_folder
from study.trial.models.fingerprint import encoder_fingerprint
from study.trial.models.teacher import new_classifier


def test_what_is_stored_is_the_encoder_without_its_masked_lm_head(family: Any) -> None:
    stored, raw = (load_file(folder / "model.safetensors") for folder in (family.base, family.raw))
    prefix = family.stack.split(".")[0] + "."
    encoder = {name.removeprefix(prefix): t for name, t in raw.items() if name.startswith(prefix)}
    assert stored.keys() == encoder.keys()
    assert all(torch.equal(stored[name], encoder[name]) for name in stored)


def test_the_stored_tokenizer_gives_the_sources_ids(family: Any, tokenizer: Any) -> None:
    stored = AutoTokenizer.from_pretrained(family.base)
    for text in ("call me a taxi", "ẹ káàárọ̀ o", "Habari  YA asubuhi?", "一二三 <mask>"):
        assert stored(text).input_ids == tokenizer(text).input_ids
    assert stored.special_tokens_map == tokenizer.special_tokens_map


def test_checking_reads_no_weights(family: Any, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(family.raw, tmp_path / "copy"))
    (folder / "model.safetensors").write_bytes(b"")
    check_encoder(folder)
    with pytest.raises(RequestError, match="weights cannot be loaded"):
        import_encoder(str(folder), tmp_path / "out")


def test_it_can_be_imported_again(family: Any, tmp_path: Path) -> None:
    import_encoder(str(family.base), tmp_path)
    assert encoder_fingerprint(tmp_path) == encoder_fingerprint(family.base)


def test_the_same_source_is_stored_as_the_same_bytes(
    family: Any, file_hashes: Callable[[Sequence[Path]], dict[str, str]], tmp_path: Path
) -> None:
    """A pooler that the files lack is drawn at random on loading, and must not be kept."""
    torch.manual_seed(77)
    import_encoder(str(family.raw), tmp_path)
    again = {Path(name).name: sha for name, sha in file_hashes([tmp_path]).items()}
    assert again == {Path(name).name: sha for name, sha in file_hashes([family.base]).items()}


def test_weights_keep_their_dtype(bert: Any, tmp_path: Path) -> None:
    half = AutoModelForMaskedLM.from_pretrained(bert.raw).to(torch.bfloat16)
    half.save_pretrained(tmp_path / "half")
    AutoTokenizer.from_pretrained(bert.raw).save_pretrained(tmp_path / "half")
    import_encoder(str(tmp_path / "half"), tmp_path / "out")
    assert {t.dtype for t in load_file(tmp_path / "out/model.safetensors").values()} == {torch.bfloat16}
    assert new_classifier(tmp_path / "out", bert.labels, 0).dtype == torch.float32


def edit_json(file: Path, **values: Any) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


REFUSALS: list[tuple[PreTrainedConfig, str]] = [
    (GPT2Config(n_layer=2), "a gpt2 model is not an encoder trained with a masked-LM loss"),
    (BartConfig(encoder_layers=2), "a bart model is an encoder with a decoder"),
    (BertConfig(is_decoder=True), "a bert model is not an encoder"),
    (ViTConfig(), "a vit model is not an encoder"),
    (XLMConfig(n_layers=2, emb_dim=16, n_heads=2), "one stack of 2 layers"),
]


@pytest.mark.parametrize(("config", "words"), REFUSALS, ids=lambda value: getattr(value, "model_type", ""))
def test_models_that_students_cannot_be_built_from(
    copy: Path, config: Any, words: str, tmp_path: Path
) -> None:
    config.save_pretrained(copy)
    refused(copy, words, tmp_path)


def refused(folder: Path, words: str, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=words) as error:
        import_encoder(str(folder), tmp_path / "out")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_code_that_comes_with_a_model_is_not_run(copy: Path, tmp_path: Path) -> None:
    own = {"model_type": "homemade", "auto_map": {"AutoConfig": "own.Config"}}
    (copy / "config.json").write_text(json.dumps(own))
    (copy / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    refused(copy, "'homemade' would run code that comes with it", tmp_path)
    assert not (tmp_path / "ran").exists()


def test_a_model_type_that_the_library_does_not_know(copy: Path, tmp_path: Path) -> None:
    (copy / "config.json").write_text(json.dumps({"model_type": "homemade"}))
    refused(copy, "config.json: .*homemade", tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"model_type": 3}', "\ufffe"])
def test_a_config_that_is_none(copy: Path, text: str, tmp_path: Path) -> None:
    (copy / "config.json").write_text(text, encoding="utf-16" if text == "\ufffe" else "utf-8")
    refused(copy, "config.json", tmp_path)


def test_missing_files_are_named(copy: Path, tmp_path: Path) -> None:
    (copy / "tokenizer.json").rename(copy / "elsewhere")
    refused(copy, r"no tokenizer; there is none of tokenizer\.json", tmp_path)
    (copy / "elsewhere").rename(copy / "tokenizer.json")
    (copy / "model.safetensors").unlink()
    refused(copy, r"no weights; there is none of model\.safetensors", tmp_path)
    with pytest.raises(RequestError, match="no weights"):
        encoder_fingerprint(copy)
    (copy / "config.json").unlink()
    refused(copy, "config.json: no such file", tmp_path)


def test_a_damaged_tokenizer_is_refused(copy: Path, tmp_path: Path) -> None:
    (copy / "tokenizer.json").write_text("{")
    refused(copy, "its tokenizer cannot be loaded", tmp_path)


def test_weights_without_a_layer_are_refused(copy: Path, tmp_path: Path) -> None:
    state = load_file(copy / "model.safetensors")
    whole = {name: t for name, t in state.items() if ".layer.2." not in name}
    save_file(whole, copy / "model.safetensors", {"format": "pt"})
    refused(copy, r"lack 16 tensors of the encoder, as encoder\.layer\.2\.", tmp_path)


def test_more_tokens_than_embeddings_are_refused(copy: Path, tmp_path: Path) -> None:
    edit_json(copy / "config.json", vocab_size=20)
    refused(copy, "tokens but only 20 embeddings", tmp_path)


@pytest.mark.parametrize("source", ["./nowhere", "/nowhere/at/all", "a/b/c", "", "~/nowhere-either", "a b"])
def test_what_is_neither_a_folder_nor_a_name(source: str) -> None:
    with pytest.raises(RequestError, match="no such folder"):
        resolve_folder(source)


def test_a_file_is_not_a_folder(bert: Any) -> None:
    with pytest.raises(RequestError, match="no such folder"):
        resolve_folder(str(bert.raw / "config.json"))


def test_a_pooler_is_kept_where_there_is_one(bert: Any, tmp_path: Path) -> None:
    model: Any = BertModel.from_pretrained(bert.raw)
    model.save_pretrained(tmp_path / "in")
    AutoTokenizer.from_pretrained(bert.raw).save_pretrained(tmp_path / "in")
    import_encoder(str(tmp_path / "in"), tmp_path / "out")
    stored: Any = new_classifier(tmp_path / "out", bert.labels, 0)
    assert torch.equal(stored.bert.pooler.dense.weight, model.pooler.dense.weight)


HUB = """
import sys
from pathlib import Path
from study.errors import RequestError
from study.trial.models.encoder import import_encoder, resolve_folder
from study.trial.models.fingerprint import encoder_fingerprint
import_encoder("org/tiny", Path(sys.argv[1]))
print(encoder_fingerprint(resolve_folder("org/tiny")))
try:
    resolve_folder("org/absent")
except RequestError as error:
    print(error)
"""


@pytest.mark.processes
def test_a_hub_name_is_found_in_the_offline_cache(bert: Any, tmp_path: Path) -> None:
    repository = tmp_path / "cache" / "models--org--tiny"
    shutil.copytree(bert.raw, repository / "snapshots" / ("0" * 40))
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0" * 40)
    offline = {"HF_HUB_CACHE": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(Path.cwd())}
    done = subprocess.run(
        [sys.executable, "-c", HUB, str(tmp_path / "out")],
        env=os.environ | offline,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    fingerprint, refusal = done.stdout.splitlines()
    assert fingerprint == encoder_fingerprint(bert.raw)
    assert refusal.startswith("org/absent: no such folder, and no such model on the hub or in its cache")
    assert encoder_fingerprint(tmp_path / "out") == encoder_fingerprint(bert.base)
