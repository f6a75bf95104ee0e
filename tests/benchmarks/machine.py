"""How near the training step comes to what this machine can multiply, and where the rest goes.

Run as: python -m tests.benchmarks.machine [--data FOLDER] [--only embedded|xlmr_base_shape] [--steps N]
Writes bench-results/machine.json. A GPU is used where there is one.

The step is the engine's own, on the student that `trainer_baseline` trains. Its floating-point operations
are those of its matrix products, counted as they are executed (torch.utils.flop_counter, backward pass
included, padding included): for a linear layer of N tokens, in and out features i and o, 2 N i o forward
and 4 N i o backward, so about 3 x the forward pass. The machine's rate is measured between the steps, in the
same dtype and threads, on a square product of `SQUARE` and on the step's own largest shapes, [tokens x width]
x [width x 4 width]. Efficiency is the ratio to the square's rate.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median
from typing import Any

import torch
from rich.console import Console
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from study.cli.console import listing
from tests.benchmarks.core import core_of
from tests.benchmarks.measured import machine
from tests.benchmarks.shapes import SHAPES, Shape, prepare, read_task

SQUARE = 2048
GROUPS = {
    "matrix products": ("mm", "addmm", "bmm", "baddbmm", "linear", "matmul"),
    "attention": ("scaled_dot_product", "flash_attention", "softmax"),
    "optimiser": ("fused_adamw",),
    "gradient norm and clipping": ("norm", "_foreach_mul_", "mul_"),
    "dropout": ("bernoulli", "dropout"),
    "embedding": ("embedding", "index"),
    "layer norm": ("layer_norm",),
    "activation": ("gelu", "tanh"),
}
"""Parts of a step by what their operators' names contain; the first that fits counts."""


def rate_of(rows: int, inner: int, columns: int, like: torch.Tensor, seconds: float = 0.3) -> float:
    """FLOP/s of a product [rows x inner] x [inner x columns] in the dtype and on the device of `like`."""
    one, other = like.new_empty(rows, inner).normal_(), like.new_empty(inner, columns).normal_()
    times: list[float] = []
    while sum(times) < seconds or len(times) < 3:
        times.append(_timed(lambda: one @ other, like.device))
    return 2 * rows * inner * columns / median(times)


def _timed(call: Callable[[], Any], device: torch.device) -> float:
    began = time.perf_counter()
    call()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began


def measure(shape: Shape, data: Path | None, steps: int, folder: Path) -> dict[str, Any]:
    """Efficiency and profile of the step at `shape`, over `steps` of them."""
    prepared = prepare(replace(shape, teacher_steps=0), read_task(data), folder / "prepared")
    one = core_of(shape, prepared, folder / "home", shape.cpus)
    training = one.training
    training.advance(1)  # allocators and the optimiser's state
    device = torch.device(training.numerics.device)
    like = torch.empty(0, dtype=getattr(torch, training.numerics.dtype), device=device)
    width = one.student.config.hidden_size
    rounds = []
    for step in range(1, steps + 1):
        with FlopCounterMode(display=False) as counter:
            training.advance(step + 1)
        training.step = step  # the same batch again, without the counter
        seconds = _timed(lambda to=step + 1: training.advance(to), device)  # type: ignore[misc]
        rounds.append(
            {
                "seconds": seconds,
                "tokens": (tokens := one.tokens(step)),
                "flops": counter.get_total_flops(),
                "square_rate": rate_of(SQUARE, SQUARE, SQUARE, like),
                "shape_rate": rate_of(tokens, width, 4 * width, like),
            }
        )
    activities = [ProfilerActivity.CPU] + ([ProfilerActivity.CUDA] if device.type == "cuda" else [])
    with profile(activities=activities) as profiled:
        training.advance(training.step + steps)
    rate = median(r["flops"] / r["seconds"] for r in rounds)
    return {
        "numerics": asdict(training.numerics),
        "seconds_per_step": median(r["seconds"] for r in rounds),
        "gflops_per_step": median(r["flops"] for r in rounds) / 1e9,
        "gflop_per_second": rate / 1e9,
        "square_gflop_per_second": median(r["square_rate"] for r in rounds) / 1e9,
        "shape_gflop_per_second": median(r["shape_rate"] for r in rounds) / 1e9,
        "efficiency": median(r["flops"] / r["seconds"] / r["square_rate"] for r in rounds),
        "efficiency_of_shape": median(r["flops"] / r["seconds"] / r["shape_rate"] for r in rounds),
        "shares": shares(profiled, device.type),
        "operators": operators(profiled, device.type),
        "rounds": rounds,
    }


def _self_time(event: Any, device: str) -> float:
    return float(event.self_device_time_total if device == "cuda" else event.self_cpu_time_total)


def operators(profiled: profile, device: str, most: int = 15) -> list[dict[str, Any]]:
    """The costliest operators: their own time, as a share of all operators' time."""
    events = profiled.key_averages()
    whole = sum(_self_time(event, device) for event in events)
    costly = sorted(events, key=lambda event: _self_time(event, device), reverse=True)[:most]
    return [{"operator": e.key, "share": _self_time(e, device) / whole, "calls": e.count} for e in costly]


def shares(profiled: profile, device: str) -> dict[str, float]:
    """Share of the operators' own time by part of the step (`GROUPS`)."""
    found = dict.fromkeys([*GROUPS, "rest"], 0.0)
    for event in profiled.key_averages():
        fits = [part for part, names in GROUPS.items() if any(name in event.key for name in names)]
        found[fits[0] if fits else "rest"] += _self_time(event, device)
    whole = sum(found.values())
    return {part: time / whole for part, time in found.items()}


def show(console: Console, name: str, found: dict[str, Any]) -> None:
    """The tables of one shape."""
    threads, dtype = found["numerics"]["threads"], found["numerics"]["dtype"]
    title = f"{name}: one training step, {dtype}, {threads} threads"
    said = {
        "seconds a step": f"{found['seconds_per_step']:.3f}",
        "GFLOP a step": f"{found['gflops_per_step']:.1f}",
        "GFLOP/s of the step": f"{found['gflop_per_second']:.1f}",
        f"GFLOP/s of a {SQUARE} square": f"{found['square_gflop_per_second']:.1f}",
        "GFLOP/s of its own largest product": f"{found['shape_gflop_per_second']:.1f}",
        "efficiency (of the square)": f"{found['efficiency']:.0%}",
        "efficiency (of its own shape)": f"{found['efficiency_of_shape']:.0%}",
    }
    console.print(listing(["", "value"], list(map(list, said.items())), title))
    parts = sorted(found["shares"].items(), key=lambda part: -part[1])
    console.print(listing(["part", "share"], [[part, f"{share:.1%}"] for part, share in parts]))
    rows = [[o["operator"], f"{o['share']:.1%}", o["calls"]] for o in found["operators"]]
    console.print(listing(["operator", "own time", "calls"], rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of the task")
    parser.add_argument("--only", choices=sorted(SHAPES), help="one shape")
    parser.add_argument("--steps", type=int, default=8, help="steps to measure")
    options = parser.parse_args()
    console = Console(width=120)
    found: dict[str, Any] = {"machine": machine()}
    console.print(found["machine"])
    for name in [options.only] if options.only else list(SHAPES):
        with tempfile.TemporaryDirectory(prefix="kdstudy-bench-") as folder:
            found[name] = measure(SHAPES[name], options.data, options.steps, Path(folder))
        show(console, name, found[name])
    results = Path("bench-results")
    results.mkdir(exist_ok=True)
    (results / "machine.json").write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
