"""A task from a folder: `{train,dev,test}.{jsonl,jsonl.gz,csv,parquet}` with columns text, label and lang.

JSON lines and Parquet may have tokens, tags and lang instead, and a folder may have CoNLL files of each
language (`conll.py`): both are token tasks. The validation file may be called dev, valid or validation. Other
files and other columns are ignored.
"""

from __future__ import annotations

import os
from pathlib import Path

from study.errors import RequestError
from study.trial.data.conll import conll_rows
from study.trial.data.readers import READERS
from study.trial.data.rows import SPLIT_NAMES, Splits, printable

__all__ = ["folder_rows"]


def folder_rows(folder: Path) -> Splits:
    """The rows of the three files in `folder`, or of its CoNLL files if there are none of these.

    Raises:
        RequestError: if a split has no file or has two, or a file cannot be read.
    """
    try:
        there = set(os.listdir(folder))
    except OSError as error:
        raise RequestError(f"{printable(folder)}: cannot be read as a folder ({error.strerror})") from None
    plain = any(name in there for split in SPLIT_NAMES for name in _names(split))
    if not plain and (found := conll_rows(folder)) is not None:
        return found
    # All three files are found before the first is read: nobody should wait to learn that a file is missing.
    files = {split: _file(folder, there, split) for split in SPLIT_NAMES}
    return {split: [READERS[ending](path)] for split, (path, ending) in files.items()}


def _names(split: str) -> dict[str, str]:
    """The names that the file of `split` may have, each with its ending."""
    return {stem + ending: ending for stem in SPLIT_NAMES[split] for ending in READERS}


def _file(folder: Path, there: set[str], split: str) -> tuple[Path, str]:
    names = _names(split)
    found = [name for name in names if name in there]
    if not found:
        stems, endings = "|".join(SPLIT_NAMES[split]), ", ".join(READERS)
        raise RequestError(
            f"{printable(folder)}: no {split} file; it may be called {stems} with one of {endings}"
        )
    if len(found) > 1:
        raise RequestError(f"{printable(folder)}: {' and '.join(found)} both serve {split}; keep one")
    if (folder / found[0]).is_dir():
        raise RequestError(f"{printable(folder / found[0])}: a folder; the {split} file must be there")
    return folder / found[0], names[found[0]]
