"""A model's identity: the content of its files, not how the files are cut or where they are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor

from study.config import canonical_json
from study.errors import RequestError
from study.trial.models.loading import one_line, read_config
from study.trial.models.tokenizer import definition, load_tokenizer

__all__ = ["encoder_fingerprint"]

# Fields that the library writes, and that have no effect on what the model computes.
VOLATILE = {"transformers_version", "architectures", "dtype", "torch_dtype", "use_cache", "tokenizer_class"}


def encoder_fingerprint(folder: Path) -> str:
    """sha256 of configuration, tokenizer and weights of the base model or teacher in `folder`.

    Weights enter by tensor name, dtype, shape and bytes. So weights in shards, or saved again, have the same
    fingerprint, and so has a tokenizer in its older and in its newer layout.

    Raises:
        RequestError: if a part is missing or cannot be read.
    """
    config = read_config(folder).to_diff_dict()
    config = {name: value for name, value in config.items() if name not in VOLATILE and name[0] != "_"}
    tokenizer = load_tokenizer(folder)
    described = [config, definition(tokenizer.backend_tokenizer), tokenizer.special_tokens_map]
    if tokenizer.truncation_side != "right":  # such a tokenizer cuts the beginning of long texts
        described.append({"truncation_side": tokenizer.truncation_side})
    if tokenizer.split_special_tokens:  # such a tokenizer reads a `<s>` in a text as characters
        described.append({"split_special_tokens": True})
    sha = hashlib.sha256(canonical_json(described).encode())
    with ExitStack() as files:
        try:
            for name, tensor in _tensors(folder, files):
                if name.endswith("position_ids"):
                    continue  # 0, 1, 2, ...: older versions save them, newer ones neither save nor read them
                sha.update(f"\n{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
                sha.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
        except RequestError:
            raise
        except Exception as error:  # damaged files raise a different error in each format
            raise RequestError(f"{folder}: its weights cannot be read: {one_line(error)}") from None
    return sha.hexdigest()


def _tensors(folder: Path, files: ExitStack) -> Iterator[tuple[str, Tensor]]:
    """Name and content of every tensor, in the order of the names, one in memory at a time."""
    if shards := _shards(folder, "model.safetensors"):
        opened = [files.enter_context(safe_open(shard, framework="pt")) for shard in shards]
        place = {name: file for file in opened for name in file.keys()}  # noqa: SIM118 (not a dictionary)
        for name in sorted(place):
            yield name, place[name].get_tensor(name)
    elif shards := _shards(folder, "pytorch_model.bin"):
        state: dict[str, Tensor] = {}
        for shard in shards:
            state |= torch.load(shard, map_location="cpu", weights_only=True, mmap=True)
        yield from sorted(state.items())
    else:
        raise RequestError(f"{folder}: no weights; there is neither model.safetensors nor pytorch_model.bin")


def _shards(folder: Path, name: str) -> list[Path]:
    """The weight files called `name`: that file, or the files that its index lists; empty without both."""
    if (folder / name).is_file():
        return [folder / name]
    index = folder / f"{name}.index.json"
    if not index.is_file():
        return []
    names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    return [folder / Path(shard).name for shard in sorted(names)]
