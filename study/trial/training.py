"""Training: AdamW, warm-up and linear decay, clipping; a resumed training has the same bits.

All that is random or scheduled in a step is a function of (seed, step): the batch, the dropout masks, the
learning rate. So a checkpoint needs the weights, the optimiser's state and the step, and nothing else, for a
continued run to equal an undisturbed run.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor, nn

from study.streams import stream
from study.trial.checkpoints import newest_checkpoints, read_checkpoint, write_checkpoint
from study.trial.parameters import decay_groups, embeddings_of, gradient_norm

__all__ = [
    "Interval",
    "Numerics",
    "Recipe",
    "Training",
    "report_steps",
    "train_to_the_end",
]

EXPLODED = 10.0  # times the loss of a model that predicts nothing (zero logits)


@dataclass(frozen=True)
class Numerics:
    """What decides the last bits of a result besides its configuration: stored with every result."""

    device: str
    dtype: str
    threads: int
    capability: str
    torch: str
    transformers: str
    optimizer: str = "fused"

    @classmethod
    def here(cls, threads: int = 1) -> Numerics:
        """The numerics of this process: bf16 autocast if the GPU has bf16, otherwise float32.

        Sets the number of CPU threads, because one thread and two threads give different bits.
        """
        torch.set_num_threads(threads)
        cuda = torch.cuda.is_available()
        return cls(
            device="cuda" if cuda else "cpu",
            dtype="bfloat16" if cuda and torch.cuda.is_bf16_supported() else "float32",
            threads=threads,
            capability=torch.cuda.get_device_name() if cuda else torch.backends.cpu.get_cpu_capability(),
            torch=torch.__version__.split("+")[0],
            transformers=transformers.__version__,
        )

    def differences(self, other: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
        """Fields in which `other`, a stored `Numerics`, differs: {field: (stored, here)}."""
        return {k: (other.get(k), v) for k, v in asdict(self).items() if other.get(k) != v}

    def autocast(self) -> Any:
        """Context for the forward pass."""
        return torch.autocast(self.device, torch.bfloat16, enabled=self.dtype == "bfloat16")


@dataclass(frozen=True)
class Recipe:
    """How a model is optimised; warmup: the share of `steps` with a rising learning rate."""

    steps: int
    learning_rate: float
    seed: int
    warmup: float = 0.1
    weight_decay: float = 0.01
    gradient_clip: float = 1.0

    def rate(self, step: int) -> float:
        """Learning rate of `step` (0-based): linear up to the peak, then linear down to zero."""
        rising = math.ceil(self.warmup * self.steps)
        if step < rising:
            return self.learning_rate * (step + 1) / rising
        return self.learning_rate * (self.steps - step) / max(1, self.steps - rising)


@dataclass(frozen=True)
class Interval:
    """Mean loss between two reports, and the loss that zero logits would have had on the same batches."""

    loss: float
    uninformed_loss: float

    @property
    def diverged(self) -> bool:
        """NaN, infinite, or `EXPLODED` times worse than predicting nothing."""
        return not math.isfinite(self.loss) or self.loss > EXPLODED * self.uninformed_loss


def report_steps(steps: int, reports: int) -> list[int]:
    """The steps after which reports 1..R are made: evenly spread, the last report after the last step."""
    reports = min(reports, steps)
    return [math.ceil(i * steps / reports) for i in range(1, reports + 1)]


class Training:
    """The training of a model by a recipe, from step to step.

    step_loss(step): the loss of that step's batch, and the loss that zero logits would have; two scalars.
    """

    def __init__(
        self,
        model: nn.Module,
        step_loss: Callable[[int], tuple[Tensor, Tensor]],
        recipe: Recipe,
        numerics: Numerics,
    ) -> None:
        self.model, self.step_loss, self.recipe, self.numerics = model, step_loss, recipe, numerics
        self.step = 0
        self.seconds = 0.0
        decayed, plain = decay_groups(model)
        self.optimizer = torch.optim.AdamW(
            [
                {"params": decayed, "weight_decay": recipe.weight_decay},
                {"params": plain, "weight_decay": 0.0},
            ],
            lr=recipe.learning_rate,
            fused=True,
        )

    def advance(self, to: int) -> Interval:
        """Train until `to` steps are done; returns the mean losses of these steps."""
        started = time.perf_counter()
        self.model.train()
        done = to - self.step
        sums = torch.zeros(2, dtype=torch.float64, device=self.numerics.device)
        parameters = [p for p in self.model.parameters() if p.requires_grad]
        embeddings = embeddings_of(self.model)
        while self.step < to:
            _seed_dropout(stream(self.recipe.seed, "dropout", self.step), self.numerics.device)
            for group in self.optimizer.param_groups:
                group["lr"] = self.recipe.rate(self.step)
            with self.numerics.autocast():
                loss, uninformed = self.step_loss(self.step)
            loss.backward()
            norm = gradient_norm(parameters, embeddings)
            nn.utils.clip_grads_with_norm_(parameters, self.recipe.gradient_clip, norm)
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
            sums += torch.stack([loss.detach().double(), uninformed.detach().double()])
            self.step += 1
        mean, mean_uninformed = (sums / done).tolist()
        self.seconds += time.perf_counter() - started
        return Interval(mean, mean_uninformed)

    def save(self, folder: Path, history: list[dict[str, Any]]) -> None:
        """Write a checkpoint with all reports so far; the one before stays, in case the new one breaks."""
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
            "history": history,
            "numerics": asdict(self.numerics),
        }
        write_checkpoint(folder, self.step, state)

    def restore(self, *folders: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Continue from the newest whole checkpoint in `folders`, if there is one.

        Returns the reports made so far and the numerics of the machine that made them; both are empty if
        there is no checkpoint.
        """
        for path in newest_checkpoints(*folders):
            state = read_checkpoint(path, self.numerics.device)
            if state is None:
                continue  # the checkpoint before it is read
            if _shapes(state["model"]) != _shapes(self.model.state_dict()):
                continue  # of a training on another vocabulary: its steps are trained again
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.step, self.seconds = state["step"], state["seconds"]
            return state["history"], state["numerics"]
        return [], {}


def train_to_the_end(training: Training, work: Path, checkpoints: int = 10) -> Interval:
    """Go on from the newest checkpoint in `work` to the end; returns the last interval, diverged or not."""
    training.restore(work)
    interval = Interval(0.0, 0.0)
    for step in report_steps(training.recipe.steps, checkpoints):
        if step > training.step:
            interval = training.advance(step)
            if interval.diverged:
                break
            training.save(work, [])
    return interval


def _seed_dropout(seed: int, device: str) -> None:
    """`torch.manual_seed`, for the generator of `device` alone.

    `torch.manual_seed` stores a stack trace for every kind of device that is missing: up to 2 ms a call.
    """
    if device == "cuda":
        torch.cuda.manual_seed(seed)
    else:
        torch.default_generator.manual_seed(seed)


def _shapes(state: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in state.items()}
