"""Capacity: the memory that the largest trial of a plan takes, and how many trials a machine has room for."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.local import usable_cpus
from study.config import TrialConfig
from study.errors import RequestError
from study.planning.plan import Plan
from study.planning.request import Request

if TYPE_CHECKING:  # torch and transformers take seconds to import
    from transformers import PreTrainedConfig

    from study.trial.data.task import Task
    from study.trial.inputs import Inputs
    from study.trial.memory import Extent, Peak

__all__ = [
    "PARTS",
    "Machine",
    "Need",
    "check_here",
    "check_room",
    "estimated_extent",
    "gib",
    "gpu_fraction",
    "gpu_takes",
    "known_extent",
    "largest",
    "need_of",
    "this_machine",
    "uses_gpus",
]

CONTEXT = 600 << 20  # bytes of a GPU that each process takes before torch allocates anything; an estimate
HEADROOM = 0.9  # share of a GPU's memory for trials; the rest is for fragments and errors of the prediction
PARTS = 10_000  # Ray counts CPUs and GPUs in parts of this size
SAMPLE = 20_000  # texts that are tokenised for an estimate; of a larger task every n-th text


@dataclass(frozen=True)
class Machine:
    """CPUs, bytes of memory, number of GPUs, and bytes of the smallest GPU (None if that is not known)."""

    cpus: float
    memory: int
    gpus: float = 0
    gpu_memory: int | None = None

    def fits(self, cpus: float, gpus: float = 0, memory: int = 0) -> int:
        """How many trials have room at once if each takes `cpus` CPUs, `gpus` GPUs and `memory` bytes.

        Ray gives a part of a GPU from one GPU, and more than one GPU as whole GPUs.
        """
        room = [_parts(self.cpus) // _parts(cpus)]
        if gpus:
            room.append(int(self.gpus) * (PARTS // _parts(gpus)) if gpus < 1 else int(self.gpus // gpus))
        if memory:
            room.append(self.memory // memory)
        return min(room)


@dataclass(frozen=True)
class Need:
    """Peak memory of `config`, the largest trial of a plan, and of its teacher's training, on each device.

    `teacher_cpu` and `teacher_gpu` are None if the teacher is given.
    """

    config: TrialConfig
    cpu: Peak
    gpu: Peak
    teacher_cpu: Peak | None
    teacher_gpu: Peak | None


def largest(plan: Plan) -> TrialConfig:
    """A configuration with the greatest depth, batch sizes and length that any arm of `plan` can draw."""
    drafts = plan.all_drafts()
    sizes = ("depth", "batch_size", "max_length", "teacher_batch_size")
    return drafts[0].model_copy(update={name: max(getattr(d, name) for d in drafts) for name in sizes})


def need_of(config: TrialConfig, base: PreTrainedConfig, extent: Extent, dtype: str = "bfloat16") -> Need:
    """The memory of the trial `config` with the base model `base`; `dtype` is the number type on a GPU."""
    from study.trial.memory import predict_peak, teacher_of

    one, other = predict_peak(config, base, extent), predict_peak(config, base, extent, "cuda", dtype)
    if config.teacher:
        return Need(config, one, other, None, None)
    teacher = teacher_of(config)
    on_gpu = predict_peak(teacher, base, extent, "cuda", dtype)
    return Need(config, one, other, predict_peak(teacher, base, extent), on_gpu)


def known_extent(inputs: Inputs) -> Extent:
    """The sizes that memory depends on, read from `inputs` that were built."""
    from study.trial.memory import Extent
    from study.trial.models.loading import read_config

    splits = [inputs.split(name) for name in ("train", "validation", "test")]
    longest = max(int(split.lengths.max()) for split in splits if len(split))
    vocabulary = inputs.vocabulary
    return Extent(
        vocabulary=int(read_config(inputs.base_folder).vocab_size) if vocabulary is None else len(vocabulary),
        longest=longest,
        classes=len(inputs.task.labels),
        texts=len(splits[0]),
        kind=inputs.task.kind,
        items=max(len(split.labels) for split in splits) if inputs.task.kind == "token" else 0,
    )


def estimated_extent(
    task: Task, base: PreTrainedConfig, folder: Path | None, max_length: int, full_vocabulary: bool
) -> Extent:
    """The sizes that memory depends on, estimated from at most `SAMPLE` texts and the 200 longest texts.

    If the base model was not built (`folder` is none), its whole vocabulary and texts of `max_length` count.
    """
    import numpy as np

    from study.trial.memory import Extent
    from study.trial.models.tokenizer import load_tokenizer

    classes, rows = len(task.labels), len(task.splits["train"])
    items = max(len(split.labels) for split in task.splits.values()) if task.kind == "token" else 0
    if folder is None:
        return Extent(base.vocab_size, max_length, classes, rows, task.kind, items)
    texts = [text for split in task.splits.values() for text in split.texts]
    long = sorted(texts, key=len)[-200:]
    tokenizer = load_tokenizer(folder)
    sample = texts[:: max(1, -(-len(texts) // SAMPLE))] + long
    ids = tokenizer(sample, truncation=True, max_length=max_length)["input_ids"]
    tokens = np.unique(np.concatenate([np.asarray(each, dtype=np.int64) for each in ids]))
    vocabulary = base.vocab_size if full_vocabulary else len(tokens)
    return Extent(vocabulary, max(map(len, ids)), classes, rows, task.kind, items)


def check_room(need: Need, machine: Machine, on_gpu: bool, where: str) -> None:
    """Check that one trial of `need` has room in the whole of `machine`, which the text calls `where`.

    Raises:
        RequestError: if it has no room; the text names what must be smaller.
    """
    room = machine.gpu_memory if on_gpu else machine.memory
    if room is None:
        return
    trial, teacher = (need.gpu, need.teacher_gpu) if on_gpu else (need.cpu, need.teacher_cpu)
    c = need.config
    for what, peak, batch, name in (
        (f"a student of depth {c.depth}", trial, c.batch_size, "batch_size"),
        (f"its teacher of depth {c.model_layers}", teacher, c.teacher_batch_size, "teacher_batch_size"),
    ):
        if peak is None:
            continue
        takes = gpu_takes(peak) if on_gpu else peak.host
        if takes > room:
            smaller = "depth, " if name == "batch_size" and c.depth > 1 else ""
            raise RequestError(
                f"memory: {what} on {batch} texts a step takes about {gib(takes)}, {where} has {gib(room)}: "
                f"--set a smaller {smaller}{name} or max_length"
            )


def gpu_fraction(peak: Peak, gpu_memory: int) -> float:
    """The fraction of a GPU that each trial gets if as many trials as fit use the GPU: 1 / n, rounded down.

    n = floor(HEADROOM * memory / (predicted peak + CUDA's context)), at least 1; all in bytes.
    """
    fit = max(1, int(HEADROOM * gpu_memory // gpu_takes(peak)))
    return int(PARTS / fit) / PARTS


def gpu_takes(peak: Peak) -> int:
    """Bytes of a GPU that a process with this `peak` takes, CUDA's context included."""
    return peak.device + CONTEXT


def _parts(count: float) -> int:
    return round(count * PARTS)


def this_machine() -> Machine:
    """The CPUs that this process may use, the memory (or the limit of its control group), and the GPUs."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            memory = min(memory, int(Path(file).read_text(encoding="ascii")))
        except (OSError, ValueError):  # there is no such file, or it holds "max"
            continue
    gpus = _gpus()
    return Machine(usable_cpus(), memory, len(gpus), min(gpus) if gpus else None)


def _gpus() -> list[int]:
    """Bytes of each GPU, read in another process: CUDA would stay in the memory of this one."""
    import torch

    if not torch.cuda.device_count():
        return []
    script = "import torch as t; c = t.cuda; print(*(c.mem_get_info(i)[1] for i in range(c.device_count())))"
    answer = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=False)
    return [int(each) for each in answer.stdout.split()]


def gib(count: float) -> str:
    """A `count` of bytes as text, in GiB."""
    return f"{count / 2**30:.1f} GiB"


def check_here(need: Need, request: Request) -> None:
    """Check that one trial of `need` has room on this machine.

    Raises:
        RequestError: if it has no room; the text names what must be smaller.
    """
    machine = this_machine()
    gpus = 0 if request.gpus_per_trial == "auto" else request.gpus_per_trial or 0
    for option, wanted, there in (
        ("--cpus-per-trial", request.cpus_per_trial or 0, machine.cpus),
        ("--gpus-per-trial", gpus, machine.gpus),
    ):
        if wanted > there:
            raise RequestError(f"{option} {wanted:g}: this machine has {there:g}")
    check_room(need, machine, uses_gpus(request, machine), "this machine")


def uses_gpus(request: Request, machine: Machine) -> bool:
    """Whether the trials of `request` run on the GPUs of `machine`."""
    return machine.gpus > 0 and request.gpus_per_trial != 0
