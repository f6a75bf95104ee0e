"""Checkpoints on disk: written at once or not at all, and read only if they are whole."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path
from typing import Any, BinaryIO

import torch

from study.storage.artifacts import write_atomically

__all__ = ["newest_checkpoints", "read_checkpoint", "write_checkpoint"]

DIGEST = hashlib.sha256().digest_size  # bytes at the end of a checkpoint that show whether it is whole
PIECE = 2**20  # bytes of a checkpoint that are hashed at a time
KEPT = 2  # the newest checkpoint, and the checkpoint before it in case the newest is broken


def write_checkpoint(folder: Path, step: int, state: dict[str, Any]) -> None:
    """Write `state` at `step` into `folder`, and remove all older checkpoints but the newest."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    buffer.write(hashlib.sha256(buffer.getbuffer()).digest())
    folder.mkdir(parents=True, exist_ok=True)
    # a view, without a copy: the checkpoint is as large as weights and moments together
    write_atomically(folder / f"checkpoint-{step:08d}.pt", buffer.getbuffer())
    for old in newest_checkpoints(folder)[KEPT:]:
        old.unlink(missing_ok=True)


def newest_checkpoints(*folders: Path) -> list[Path]:
    """The checkpoints, newest first; at the same step, in the order of `folders`."""
    found = [path for folder in folders for path in folder.glob("checkpoint-*.pt")]
    return sorted(found, key=lambda path: path.name, reverse=True)


def read_checkpoint(path: Path, device: str) -> dict[str, Any] | None:
    """The state in the checkpoint at `path`, its tensors on `device`; None if the checkpoint is not whole."""
    try:
        with path.open("rb") as file:
            if not _is_whole(file):
                return None  # truncated or corrupt
            state: dict[str, Any] = torch.load(file, map_location=device, weights_only=True)
            return state
    except OSError:  # an older attempt still runs and has removed it, or the disk is bad
        return None
    except Exception:  # whole, but not a checkpoint of this project: none of its code is executed
        return None


def _is_whole(file: BinaryIO) -> bool:
    """Whether `file` ends in the digest of all that comes before; leaves `file` at its beginning.

    The file is read piece by piece, because memory is scarce while a model is loaded.
    """
    left = os.fstat(file.fileno()).st_size - DIGEST
    found = hashlib.sha256()
    while left > 0 and (piece := file.read(min(left, PIECE))):
        found.update(piece)
        left -= len(piece)
    whole = left == 0 and file.read() == found.digest()
    file.seek(0)
    return whole
