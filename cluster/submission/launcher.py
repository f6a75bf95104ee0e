"""Ray's cluster launcher: `ray up` starts machines, and `ray exec` starts the study on their head.

The launcher copies a private folder of this user (see `private.py`) to every machine. The study's command and
all variables are in scripts of this folder, so no value of a user passes through the launcher's own shells.
https://docs.ray.io/en/latest/cluster/vms/references/ray-cluster-configuration.html
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import yaml  # type: ignore[import-untyped, unused-ignore]

from cluster.submission.commands import run_tool, values_of, watch_tool
from cluster.submission.options import Options
from cluster.submission.place import Study, name_of
from cluster.submission.private import TOKEN, folder_of, put

__all__ = ["HOME", "advice", "files_of", "submit", "to_yaml"]

CONFIG, ENVIRONMENT, SECRETS, START = "cluster.yaml", "environment.sh", "secrets.sh", "start.sh"
THERE = "~/.kdstudy/cluster"
"""The private folder's copy on every machine."""
HOME = "~/kdstudy-home"
SOURCE = f". {THERE}/{ENVIRONMENT}"


def to_yaml(value: Mapping[str, Any]) -> str:
    """`value` as YAML, in its own order."""
    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=1000))


def files_of(
    study: Study, options: Options, config: Mapping[str, Any], head: Sequence[str] = (), path: str = ""
) -> dict[str, str]:
    """The launcher's configuration and the scripts that it copies to the machines.

    config: what differs between providers. head: more options of `ray start` on the head, which hold no value
    of a user. path: the folder of the programs on the machines; empty if the programs are on the path there.
    """
    name = name_of(study)
    start = f"{SOURCE}; ulimit -n 65536; ray start"
    of_head = " ".join(["--head --port=6379 --dashboard-host=127.0.0.1", *head])
    whole = {
        "cluster_name": name,
        **config,
        "file_mounts": {THERE: str(folder_of(name))},
        "head_start_ray_commands": [
            f"{SOURCE}; ray stop",
            f"{start} {of_head} --autoscaling-config=~/ray_bootstrap_config.yaml",
        ],
        "worker_start_ray_commands": [f"{SOURCE}; ray stop", f"{start} --address=$RAY_HEAD_IP:6379"],
    }
    return {
        CONFIG: to_yaml(whole),
        ENVIRONMENT: _environment(options, path),
        START: _start(study, name),
    }


def _environment(options: Options, path: str) -> str:
    """The script that every command on the machines sources first."""
    lines = [
        f"export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH={THERE}/{TOKEN} RAY_USAGE_STATS_ENABLED=0",
        *(_export(name, value) for name, value in options.environment.items()),
    ]
    if options.secrets:
        lines.append(f". {THERE}/{SECRETS}")
    if path:
        lines.append(f"export PATH={shlex.quote(path)}:$PATH")
    return "\n".join(lines) + "\n"


def _export(name: str, value: str) -> str:
    return f"export {name}={shlex.quote(value)}"


def _start(study: Study, name: str) -> str:
    """The script that starts the study on the head, and leaves the study alone there."""
    return "\n".join(
        [
            SOURCE,
            "unset RAY_ADDRESS",
            "cd ~",
            f"setsid nohup {shlex.join(study.words)} >>~/{name}.log 2>&1 </dev/null &",
            f"echo $! >~/{name}.pid",
            "",
        ]
    )


def submit(study: Study, options: Options, files: Mapping[str, str]) -> str:
    """Start the machines, then the study; returns the path of the launcher's configuration.

    Machines that run already stay, with their Ray: only what the folder holds is copied again. A second
    driver of a study that runs is refused by the study's lease.
    """
    folder = folder_of(name_of(study))
    secrets = [_export(name, value) for name, value in values_of(options.secrets).items()]
    run_tool(["ray", "--version"], "")  # before anything is written
    put(folder, {**files, SECRETS: "".join(f"{line}\n" for line in secrets)})
    config = str(folder / CONFIG)
    watch_tool(["ray", "up", "--yes", "--no-restart", config])
    watch_tool(["ray", "exec", config, f"bash {THERE}/{START}"])
    return config


def advice(study: Study, options: Options, config: str) -> dict[str, str]:
    """How to watch the machines and the study, and how to end both. config: as `submit` returns it."""
    name, ray = name_of(study), f"ray exec {shlex.quote(config)}"
    status = shlex.join(["kdstudy", "status", study.name, "--home", study.home])
    return {
        "output": f"{ray} 'tail -F ~/{name}.log'",
        "status": f"{ray} {shlex.quote(f'{SOURCE}; {status}')}",
        "dashboard": f"ray dashboard {shlex.quote(config)}",
        "stop": f"{ray} 'kill $(cat ~/{name}.pid)'",
        "end the machines": f"ray down {shlex.quote(config)}",
    }
