"""Slurm: one batch script, on Ray's own `ray symmetric-run`. The script stops the study and requeues itself.

The study attaches to the job's Ray. Shortly before the time is up, or at a pre-emption with Slurm's
`PreemptParameters=send_user_signal`, Slurm sends SIGUSR1 to the script alone. The script passes the signal to
the study, the study stops in order, and the job goes back into the queue. SIGTERM stops the study too.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from cluster.submission.commands import run_tool, values_of
from cluster.submission.options import Count, Gibibytes, Options, Word
from cluster.submission.place import Place, Study, name_of

__all__ = ["CLUSTER", "SlurmOptions"]

SCRIPT = "study.sbatch"
PORT = 6379  # outside 10002-19999, the ports of Ray's workers


def _time(text: str) -> str:
    if not re.fullmatch(r"(\d+-\d+(:\d+){0,2}|\d+(:\d+){0,2})", text, re.ASCII):
        raise ValueError(f"must be a time of Slurm such as 90 (minutes), 8:00:00 or 2-12, not {text!r}")
    return text


class SlurmOptions(Options):
    """What `sbatch` is asked for."""

    nodes: Annotated[int, Field(ge=1, le=10_000)] = Field(default=1, description="nodes of the job")
    gpus: Count = Field(default=0, description="GPUs of a node")
    gpu_type: Word | None = Field(default=None, description="type of the GPUs, as the site calls it: a100")
    cpus: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="CPUs of a node; the default is all if the nodes are exclusive"
    )
    memory: Gibibytes | None = Field(
        default=None, description="GiB of a node; the default is all if the nodes are exclusive"
    )
    partition: Word | None = Field(default=None, description="partition; the default is the site's")
    account: Word | None = Field(default=None, description="account that pays; the default is the user's")
    time: Annotated[str, AfterValidator(_time)] | None = Field(
        default=None, description="time of one run, such as 8:00:00; the job requeues itself afterwards"
    )
    exclusive: bool = Field(
        default=True,
        description="no other job on the nodes: symmetric-run begins on no node on which a Ray runs, and its "
        "end ends every Ray of the user on the first node",
    )


def render(study: Study, options: SlurmOptions) -> dict[str, str]:
    """The batch script."""
    lines = [
        "#!/bin/bash",
        *(f"#SBATCH {line}" for line in _requests(study, options)),
        "# Written by kdstudy. The same script begins the study and goes on with the study.",
        "set -u",
        *(f"export {name}={shlex.quote(value)}" for name, value in options.environment.items()),
        f"export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH",
        BODY.format(
            study=shlex.join(study.words), address=f"$address:{PORT}", gpus=options.gpus, port=PORT
        ).rstrip(),
    ]
    return {SCRIPT: "\n".join(lines) + "\n"}


def _requests(study: Study, options: SlurmOptions) -> Iterator[str]:
    yield f"--job-name={name_of(study)}"
    yield f"--nodes={options.nodes}"
    yield "--ntasks-per-node=1"
    if options.exclusive:
        yield "--exclusive"
    if options.cpus is not None:
        yield f"--cpus-per-task={options.cpus}"
    if options.memory is not None:
        yield f"--mem={options.memory}G"
    elif options.exclusive:
        yield "--mem=0"
    if options.gpus:
        kind = "" if options.gpu_type is None else f"{options.gpu_type}:"
        yield f"--gpus-per-node={kind}{options.gpus}"
    for name in ("partition", "account", "time"):
        if (value := getattr(options, name)) is not None:
            yield f"--{name}={value}"
    yield "--export=ALL"
    yield "--requeue"
    yield "--open-mode=append"
    yield "--signal=B:USR1@120"


BODY = """\
unset RAY_ADDRESS RAY_AUTH_TOKEN_PATH
# Ray's ports require this token, which only the processes of this job know.
RAY_AUTH_TOKEN=$(head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \\n')
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN RAY_USAGE_STATS_ENABLED=0
export RAY_SYMMETRIC_RUN_CLUSTER_WAIT_TIMEOUT=300 RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S=5
export RAY_LOG_TO_DRIVER=0

# The address at which the other nodes reach this node, the head.
node=$(scontrol show node "$SLURMD_NODENAME" | sed -n 's/.*NodeAddr=\\([^ ]*\\).*/\\1/p')
address=$(getent ahostsv4 "$node" | awk '$1 !~ /^127\\./ {{ print $1; exit }}')
address=${{address:-$(hostname -I | cut -d' ' -f1)}}
address=${{address:-127.0.0.1}}

run=$(mktemp -d)
trap 'rm -rf "$run"' EXIT
cat >"$run/study" <<'END OF THE STUDY'
echo $$ >"$1/script"
{study} &
echo $! >"$1/pid"
wait $!
echo $? >"$1/code"
exit "$(cat "$1/code")"
END OF THE STUDY

warned=
srun=
pass_on() {{ kill -s "$1" "$(cat "$run/pid" 2>/dev/null || echo "$srun")" 2>/dev/null; }}
trap 'warned=1; pass_on USR1' USR1
trap 'pass_on TERM' TERM

# Slurm may send SIGTERM to every process; what stands around the study must outlive the study's orderly end.
# A node whose Ray died joins again. The job goes on until its first node ends, and no longer.
srun --kill-on-bad-exit=1 --wait=5 --cpu-bind=none --cpus-per-task="$SLURM_CPUS_ON_NODE" bash -c '
    trap "" TERM
    export RAY_ADDRESS=$1
    options=(--address="$1" --min-nodes="$SLURM_JOB_NUM_NODES" --num-cpus="$SLURM_CPUS_ON_NODE"
        --num-gpus={gpus} --temp-dir="/tmp/ray-$SLURM_JOB_ID-$SLURM_NODEID")
    if [ "$SLURM_NODEID" = 0 ]; then
        ray symmetric-run "${{options[@]}}" --include-dashboard=false -- bash "$2/study" "$2"
        code=$?
        # SIGTERM may have ended symmetric-run before the study.
        while kill -0 "$(cat "$2/script" 2>/dev/null)" 2>/dev/null; do sleep 1; done
        scancel --signal=KILL "$SLURM_JOB_ID.$SLURM_STEP_ID"
        exit "$code"
    fi
    while :; do
        ray symmetric-run "${{options[@]}}" -- true
        sleep 5
    done
' kdstudy "{address}" "$run" &
srun=$!
wait "$srun"
code=$?
while kill -0 "$srun" 2>/dev/null; do
    wait "$srun"
    code=$?
done
[ "$code" != 0 ] || code=1  # symmetric-run returns 0 if Ray did not start
code=$(cat "$run/code" 2>/dev/null || echo "$code")

# 0: the study has ended; 2: the request was wrong.
if [ -n "$warned" ] && [ "$code" != 0 ] && [ "$code" != 2 ]; then
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
"""


def submit(study: Study, options: SlurmOptions, files: dict[str, str]) -> str:
    """Give the script to `sbatch`; returns the job's id. The job gets the environment of this process."""
    values_of(options.secrets)
    return run_tool(["sbatch", "--parsable"], files[SCRIPT]).partition(";")[0]


def advice(study: Study, options: SlurmOptions, job: str) -> dict[str, str]:
    """How to watch and stop the job."""
    home = shlex.quote(study.home)
    return {
        "queue": f"squeue --job {job}",
        "output": f"tail -F slurm-{job}.out",
        "status": f"kdstudy status {shlex.quote(study.name)} --home {home}",
        "stop": f"scancel --batch --signal=TERM {job}",
    }


CLUSTER = Place("a job of Slurm, which requeues itself", SlurmOptions, "sbatch", render, submit, advice)
