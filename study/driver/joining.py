"""How Ray is joined: which Ray, what its workers import first, and where a local Ray has its sockets."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import study.driver.ray_settings  # noqa: F401 (before Ray)

# isort: split
from ray._private import services
from ray.job_config import JobConfig

from cluster import Cluster, check_address
from study.errors import RequestError

__all__ = ["check_listening", "located", "settings", "token_hint"]

LONGEST_FOLDER = 39
"""Bytes of a folder under which Ray's sockets have room: a socket's path has 107 bytes at most, and Ray adds
/ray/session_2026-01-01_00-00-00_000000_4194304/sockets/plasma_store."""


def located(cluster: Cluster) -> Cluster:
    """Return `cluster` with the address that "auto" stands for.

    The address is RAY_ADDRESS. If it is not set, it is that of the only Ray on this machine: of several Rays,
    one may belong to somebody else.

    Raises:
        RequestError: if there is no such Ray, or more than one; the text names them.
    """
    if cluster.ray_init.get("address") != "auto":
        return cluster
    given = os.environ.get("RAY_ADDRESS", "")
    if given not in ("", "auto"):
        try:
            check_address(given)
        except LookupError as error:
            raise RequestError(f"RAY_ADDRESS {error.args[0]}") from None
        return _at(cluster, given, f"the running Ray at {given} (RAY_ADDRESS)")
    found = sorted(services._find_address_from_flag("--gcs-address"))
    if len(found) == 1:
        return _at(cluster, found[0], f"the running Ray at {found[0]}, the only one on this machine")
    there = f"{len(found)} run on this machine, {', '.join(found)}" if found else "none runs on this machine"
    raise RequestError(f"--cluster running: which Ray? {there}; set RAY_ADDRESS, or give --cluster HOST:PORT")


def _at(cluster: Cluster, address: str, description: str) -> Cluster:
    return replace(cluster, description=description, ray_init=cluster.ray_init | {"address": address})


@contextmanager
def settings(cluster: Cluster) -> Iterator[dict[str, Any]]:
    """The keyword arguments of `ray.init` for `cluster`. Within this context their folders exist.

    Raises:
        RequestError: if Ray's sockets have no room under the folder for temporary files.
    """
    joined = cluster.ray_init | {"job_config": _job()}
    if cluster.ray_init.get("address") != "local" or "_temp_dir" in joined or _is_short(_ray_folder()):
        yield joined
        return
    if "RAY_TMPDIR" in os.environ or not _is_short("/tmp"):
        raise RequestError(_too_long("RAY_TMPDIR" if "RAY_TMPDIR" in os.environ else "TMPDIR"))
    try:
        short = tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True)
    except OSError:
        raise RequestError(_too_long("TMPDIR")) from None
    with short as folder:
        yield joined | {"_temp_dir": folder}


def _ray_folder() -> str:
    """The folder under which Ray makes its own folder if nothing else is given."""
    return os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp"


def _is_short(folder: str) -> bool:
    return len(os.fsencode(folder)) <= LONGEST_FOLDER


def _too_long(name: str) -> str:
    return (
        f"{name} {os.environ.get(name, '')}: too long for the paths of Ray's sockets; set RAY_TMPDIR to a "
        f"folder of at most {LONGEST_FOLDER} letters"
    )


class _NoFolders(list[str]):
    """The folders that Ray puts first on the path of its workers; no folder is ever added.

    Ray would add the working directory and the folder of the command. A file there that is called like a
    library (tokenizers.py, study.py) would be imported in place of the library.
    """

    def extend(self, folders: Iterable[str]) -> None:
        """Add nothing."""


def _job() -> JobConfig:
    config = JobConfig()
    config._py_driver_sys_path = _NoFolders()
    return config


def check_listening(address: str) -> None:
    """Raises OSError if nothing listens at HOST:PORT: Ray itself would try for minutes."""
    host, colon, port = address.rpartition(":")
    if colon:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()


def token_hint() -> str:
    """What may be wrong with the token if a Ray that listens does not let this process in."""
    mode = os.environ.get("RAY_AUTH_MODE")
    token = Path(os.environ.get("RAY_AUTH_TOKEN_PATH", "~/.ray/auth_token")).expanduser()
    if mode is None and (token.exists() or "RAY_AUTH_TOKEN" in os.environ):
        return (
            "; RAY_AUTH_MODE is not set here, but there is a token: if that Ray was started with one, "
            "export RAY_AUTH_MODE=token"
        )
    if mode == "token":
        return "; RAY_AUTH_MODE=token here: that Ray must have been started with the same token"
    return ""
