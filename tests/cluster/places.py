"""Places that submit, with options and hostile values, and stand-ins for the programs that they start.

A stand-in shows what a program receives: its words and its input. No scheduler runs.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped, unused-ignore]

from cluster import Place, registered_clusters
from cluster.submission.place import Study

__all__ = [
    "ENOUGH",
    "FULL",
    "HOSTILE",
    "OURS",
    "RECORDER",
    "SLURM",
    "SUBMITTING",
    "calls",
    "run_there",
    "slurm_stand_ins",
    "stand_in",
    "study_of",
]

SUBMITTING: dict[str, Place] = {
    name: found for name, found in registered_clusters().items() if isinstance(found, Place)
}

_CLOUD: dict[str, Any] = {"image": "lab/kdstudy:1", "region": "west-1", "worker_type": "g6.xlarge", "cpus": 4}

ENOUGH: dict[str, dict[str, Any]] = {
    "slurm": {},
    "kubernetes": {"image": "lab/kdstudy:1"},
    "aws": _CLOUD,
    "gcp": _CLOUD | {"project": "lab", "zone": "west-1-a"},
    "ssh": {"head": "10.0.0.1", "user": "ada"},
}
"""The options that a place needs."""

FULL: dict[str, dict[str, Any]] = {
    "slurm": {"nodes": 4, "gpus": 8, "gpu_type": "a100", "cpus": 16, "memory": 64, "partition": "long"}
    | {"account": "lab", "time": "1-12:00:00", "exclusive": False},
    "kubernetes": ENOUGH["kubernetes"]
    | {"namespace": "lab", "cpus": 8, "memory": 32, "gpus": 1, "gpu_type": "NVIDIA-L4", "most_workers": 9}
    | {"claim": "homes", "redis": "redis:6379", "secrets": ("REDIS_PASSWORD", "PGPASSWORD")},
    "aws": ENOUGH["aws"] | {"zone": "west-1a", "gpus": 1, "most_workers": 9, "ami": "ami-1"},
    "gcp": ENOUGH["gcp"] | {"gpus": 1, "gpu_type": "nvidia-l4", "idle_minutes": 9, "disk": 100},
    "ssh": ENOUGH["ssh"] | {"workers": ("10.0.0.2", "node-3"), "key": "~/.ssh/id", "programs": "/opt/kd/bin"},
}
"""Many options of each place."""

OURS = """
from dataclasses import replace
from cluster.slurm import CLUSTER as SLURM, SlurmOptions
from cluster.submission.options import Word

class Options(SlurmOptions):
    partition: Word = "our-gpus"

CLUSTER = replace(SLURM, description="our lab", options=Options)
"""
"""A user's file with a place of the user's own."""

HOSTILE = (
    *("it's", 'say "x"', "$(touch pwned)", "`touch pwned`", "a;touch pwned", "a&&touch pwned|cat", ">pwned"),
    *("${HOME}", "$HOME", "$$", "$(HOME)", "\\", "a\\nb", "!!", "*", "?", "[a-z]", "~", "~root", "{a,b}"),
    *("# no comment", "a #b", "-n", "--flag=x", "--", "END OF THE STUDY", "%j", "{study}", "{{x}}"),
    *("größe", "語", "עברית", "yes", "null", "1e3", "- a: b", "{a: b}", "&anchor", "*alias", "!tag", " x "),
)
"""Values that shells, YAML, Slurm, Kubernetes or Python's `format` would change or run without quotes."""

RECORDER = f"""#!/bin/bash
# One JSON object for each call: the words, the input if the call reads it, and some variables.
exec {shlex.quote(sys.executable)} -IS -c '
import json, os, sys
program = os.path.basename(sys.argv[2])
read = sys.stdin.read() if program in ("sbatch", "kubectl") else ""
call = {{"program": program, "words": sys.argv[3:], "input": read}}
call["environment"] = dict(os.environ)
with open(sys.argv[1], "a") as file:
    file.write(json.dumps(call) + "\\n")
print(os.environ.get("ANSWER_" + program.upper(), ""))
' "$RECORD" "$0" "$@"
"""


def stand_in(folder: Path, name: str, script: str = RECORDER) -> None:
    """Put a stand-in for the program `name` into `folder`."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(script, "utf-8")
    (folder / name).chmod(0o755)


def calls(record: Path) -> list[dict[str, Any]]:
    """What the stand-ins have received."""
    return [json.loads(line) for line in record.read_text("utf-8").splitlines()] if record.exists() else []


def run_there(files: Mapping[str, str], folder: Path) -> tuple[list[str], dict[str, str]]:
    """The words and the variables that `kdstudy` gets if the rendered `files` are used.

    Shells run as they would at the place; every program that a script starts is a stand-in.
    """
    record, bin_ = folder / "record", folder / "bin"
    stand_in(bin_, "kdstudy")
    environment = {"HOME": str(folder), "RECORD": str(record), "PATH": f"{bin_}:{os.environ['PATH']}"}
    if "study.sbatch" in files:
        slurm_stand_ins(bin_)
        script = files["study.sbatch"].replace("export PATH=", "export IGNORED=")  # the stand-ins come first
        environment |= SLURM
        _bash(script, folder, environment)
    elif "start.sh" in files:
        there = folder / ".kdstudy" / "cluster"
        there.mkdir(parents=True)
        for name, text in files.items():
            (there / name).write_text(text.replace("export PATH=", "export IGNORED="), "utf-8")
        _bash(files["start.sh"] + "wait\n", folder, environment)
    else:
        head = yaml.safe_load(files["rayjob.yaml"])["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]
        for each in head["spec"]["containers"][0]["env"]:
            if "value" in each:
                environment[each["name"]] = each["value"].replace("$$", "$")  # as Kubernetes does
        script = head["metadata"]["annotations"]["kdstudy/command"]
        _bash(script.replace("cd /kdstudy ", "cd . "), folder, environment)
    (call,) = [call for call in calls(record) if call["program"] == "kdstudy"]
    return call["words"], call["environment"]


SLURM = {"SLURM_JOB_ID": "7", "SLURMD_NODENAME": "n1", "SLURM_JOB_NUM_NODES": "1"} | {
    "SLURM_CPUS_ON_NODE": "2",
    "SLURM_NODEID": "0",
    "SLURM_STEP_ID": "0",
}
"""Variables that Slurm sets in a job."""


def slurm_stand_ins(folder: Path) -> None:
    """Slurm's programs within a job, and `ray symmetric-run`, which starts the words after `--`."""
    stand_in(folder, "srun", '#!/bin/bash\nwhile [[ $1 == --* ]]; do shift; done\nexec "$@"\n')
    stand_in(folder, "ray", '#!/bin/bash\nwhile [[ $1 != -- ]]; do shift; done\nshift\n"$@"\n')
    requeue = '[[ $1 == show ]] && echo "NodeAddr=127.0.0.1 Port=1" || echo "$@" >>"$HOME/scontrol"\n'
    stand_in(folder, "scontrol", f"#!/bin/bash\n{requeue}")
    stand_in(folder, "scancel", "#!/bin/bash\n")


def _bash(script: str, folder: Path, environment: Mapping[str, str]) -> None:
    subprocess.run(["bash"], input=script, cwd=folder, env=environment, text=True, check=True, timeout=60)


def study_of(words: Sequence[str]) -> Study:
    """A study with a hostile name and these words."""
    return Study("$(touch pwned) 'ü", tuple(words), "/shared/a home")
