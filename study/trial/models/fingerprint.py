"""A model's identity: the content of its files, not how the files are cut or where they are."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch

from study.config import canonical_json
from study.trial.models.loading import read_config
from study.trial.models.tokenizer import definition, load_tokenizer
from study.trial.models.weights import read_tensors

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
    for name, tensor in read_tensors(folder):
        if name.endswith("position_ids"):
            continue  # 0, 1, 2, ...: older versions save them, newer ones neither save nor read them
        sha.update(f"\n{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        sha.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return sha.hexdigest()
