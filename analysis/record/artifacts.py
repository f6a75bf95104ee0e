"""One small artifact of many runs of MLflow: read from the disk, or fetched from a server a few at a time."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from study.errors import first_line

__all__ = ["read_artifacts"]

AT_ONCE = 8  # requests to a server
AWAY = 3  # so many refusals one after another mean that the artifacts are out of reach
HOME = "/mlartifacts/"  # where a home keeps artifacts, beside its database

log = logging.getLogger(__name__)


def read_artifacts(
    places: Mapping[str, str | None], name: str, beside: str | None, client: Callable[[], Any]
) -> dict[str, bytes]:
    """Run to the content of its artifact `name`. A run whose artifact cannot be read is left out.

    places: run to the URI of its artifacts, as MLflow has it. beside: the folder of the database; a home that
    was copied or moved has its artifacts there, whatever the URI says. client: makes the client of MLflow, in
    case the artifacts are not on this machine.
    """
    found, elsewhere = {}, []
    for run, uri in places.items():
        candidates = _here(uri or "", beside)
        if not candidates:
            elsewhere.append(run)
        for folder in candidates:
            try:
                found[run] = (folder / name).read_bytes()
                break
            except OSError:
                continue
    return found | _fetched(elsewhere, name, client)


def _here(uri: str, beside: str | None) -> list[Path]:
    """The folders on this machine that `uri` may mean; none if the artifacts are on a server."""
    parts = urlsplit(uri)
    if parts.scheme not in ("", "file") or not parts.path:
        return []
    path = unquote(parts.path)
    _, home, rest = path.rpartition(HOME)
    of_home = [Path(beside) / HOME.strip("/") / rest] if beside and home else []
    return [*of_home, Path(path)]


def _fetched(runs: list[str], name: str, client: Callable[[], Any]) -> dict[str, bytes]:
    if not runs:
        return {}
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    found: dict[str, bytes] = {}
    refused = 0
    with tempfile.TemporaryDirectory(prefix="kdstudy-") as folder, ThreadPoolExecutor(AT_ONCE) as pool:
        mlflow = client()

        def fetch(run: str) -> bytes | str:
            target = Path(folder) / run
            target.mkdir()
            try:
                return Path(mlflow.download_artifacts(run, name, str(target))).read_bytes()
            except Exception as error:  # each kind of storage raises errors of its own
                return first_line(error)

        for start in range(0, len(runs), AT_ONCE):
            of_batch = runs[start : start + AT_ONCE]
            for run, content in zip(of_batch, pool.map(fetch, of_batch), strict=True):
                if isinstance(content, bytes):
                    found[run], refused = content, 0
                else:
                    refused += 1
                    if refused == 1:
                        log.warning("%s of a run in MLflow cannot be read: %s", name, content)
            if refused >= AWAY:
                break
    return found
