"""The tensors in a model's files, as they lie there: their content, and the dtype that holds them exactly."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from functools import reduce
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor

from study.errors import RequestError, first_line

__all__ = ["exact_dtype", "read_tensors"]

WHOLE = {torch.float16, torch.bfloat16, torch.float32, torch.float64}
INDICES = {torch.int64, torch.int32, torch.bool}  # of buffers, such as position ids and masks


def read_tensors(folder: Path) -> Iterator[tuple[str, Tensor]]:
    """Name and content of every tensor in `folder`, in the order of the names, one in memory at a time.

    Raises:
        RequestError: if there are no weights, or they cannot be read.
    """
    with ExitStack() as files:
        try:
            yield from _tensors(folder, files)
        except RequestError:
            raise
        except Exception as error:  # damaged files raise a different error in each format
            raise RequestError(f"{folder}: its weights cannot be loaded: {first_line(error)}") from None


def exact_dtype(folder: Path) -> torch.dtype:
    """The smallest dtype that holds every weight in `folder` exactly.

    The dtype in config.json is not asked: if it is smaller than the dtype of the files, the library rounds
    the weights while it reads them.

    Raises:
        RequestError: if the weights are quantised, or are not all finite numbers; and as `read_tensors`.
    """
    found, infinite = set(), []
    for name, tensor in read_tensors(folder):
        if tensor.dtype not in WHOLE | INDICES:
            kind = str(tensor.dtype).removeprefix("torch.")
            raise RequestError(
                f"{folder}: quantised weights: {name} is {kind}; float32, bfloat16 or float16 is right"
            )
        if tensor.dtype in WHOLE:
            found.add(tensor.dtype)
            if not tensor.isfinite().all():
                infinite.append(name)
    if infinite:
        raise RequestError(
            f"{folder}: its weights are not finite numbers in {len(infinite)} tensors, as {infinite[0]}"
        )
    return reduce(torch.promote_types, found) if found else torch.float32


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
