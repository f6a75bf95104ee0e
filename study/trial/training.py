"""Training: AdamW, warm-up and linear decay, clipping; resumable to the bit, steps that need no memory.

Everything random or scheduled about a step is a function of (seed, step): the batch, the dropout masks,
the learning rate. So a checkpoint is the weights, the optimiser's state and the step, and nothing else
has to be saved for a continued run to equal an undisturbed one.
"""

from __future__ import annotations

import hashlib
import io
import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch
import transformers
from torch import Tensor, nn

from study.storage.artifacts import write_atomically
from study.streams import stream

__all__ = [
    "Interval",
    "Numerics",
    "Recipe",
    "Training",
    "report_steps",
    "train_to_the_end",
]

EXPLODED = 10.0  # times the loss of a model that predicts nothing (zero logits)
DIGEST = hashlib.sha256().digest_size  # bytes at the end of a checkpoint that tell whether it is whole
PIECE = 2**20  # bytes of it that are hashed at a time
CHECKPOINTS_KEPT = 2  # the newest, and the one before it in case the newest is broken


@dataclass(frozen=True)
class Numerics:
    """What decides the last bits of a result besides its configuration: recorded with every result."""

    device: str
    dtype: str
    threads: int
    capability: str
    torch: str
    transformers: str
    optimizer: str = "fused"

    @classmethod
    def here(cls, threads: int = 1) -> Numerics:
        """The numerics of this process: bf16 autocast where the GPU has it, else float32.

        Sets the number of CPU threads, because one thread and two give different bits.
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
        """Fields in which `other`, a recorded `Numerics`, differs: {field: (recorded, here)}."""
        return {k: (other.get(k), v) for k, v in asdict(self).items() if other.get(k) != v}

    def autocast(self) -> Any:
        """Context for the forward pass."""
        return torch.autocast(self.device, torch.bfloat16, enabled=self.dtype == "bfloat16")


@dataclass(frozen=True)
class Recipe:
    """How to optimise. `warmup` is the share of `steps` with a rising learning rate."""

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
    """Steps after which reports 1..R are made: evenly spread, the last at the end."""
    reports = min(reports, steps)
    return [math.ceil(i * steps / reports) for i in range(1, reports + 1)]


class Training:
    """A model on its way through `recipe`.

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
        decayed, plain = _decay_groups(model)
        self.optimizer = torch.optim.AdamW(
            [
                {"params": decayed, "weight_decay": recipe.weight_decay},
                {"params": plain, "weight_decay": 0.0},
            ],
            lr=recipe.learning_rate,
            fused=True,
        )

    def advance(self, to: int) -> Interval:
        """Take steps until `to` of them are done; returns the interval's mean losses."""
        started = time.perf_counter()
        self.model.train()
        done = to - self.step
        sums = torch.zeros(2, dtype=torch.float64, device=self.numerics.device)
        parameters = [p for p in self.model.parameters() if p.requires_grad]
        embeddings = _embeddings(self.model)
        while self.step < to:
            _seed_dropout(stream(self.recipe.seed, "dropout", self.step), self.numerics.device)
            for group in self.optimizer.param_groups:
                group["lr"] = self.recipe.rate(self.step)
            with self.numerics.autocast():
                loss, uninformed = self.step_loss(self.step)
            loss.backward()
            norm = _gradient_norm(parameters, embeddings)
            nn.utils.clip_grads_with_norm_(parameters, self.recipe.gradient_clip, norm)
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
            sums += torch.stack([loss.detach().double(), uninformed.detach().double()])
            self.step += 1
        mean, mean_uninformed = (sums / done).tolist()
        self.seconds += time.perf_counter() - started
        return Interval(mean, mean_uninformed)

    def save(self, folder: Path, history: list[dict[str, Any]]) -> None:
        """Write a checkpoint with all reports so far; the one before it is kept in case this one breaks."""
        buffer = io.BytesIO()
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
            "history": history,
            "numerics": asdict(self.numerics),
        }
        torch.save(state, buffer)
        buffer.write(hashlib.sha256(buffer.getbuffer()).digest())
        folder.mkdir(parents=True, exist_ok=True)
        # a view: the checkpoint is as large as weights and moments, and one copy of them is enough
        write_atomically(folder / f"checkpoint-{self.step:08d}.pt", buffer.getbuffer())
        for old in _checkpoints(folder)[CHECKPOINTS_KEPT:]:
            old.unlink(missing_ok=True)

    def restore(self, *folders: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Continue from the newest whole checkpoint in `folders`, if there is one.

        Returns the reports made so far and the numerics they were made on; both empty for a new training.
        """
        for path in _checkpoints(*folders):
            try:
                with path.open("rb") as file:
                    if not _is_whole(file):
                        continue  # truncated or corrupt: the one before it serves
                    state = torch.load(file, map_location=self.numerics.device, weights_only=True)
            except OSError:  # an older attempt that runs on has removed it, or the disk is bad
                continue
            except Exception:  # whole, but not what was written here: nothing in it is executed
                continue
            if _shapes(state["model"]) != _shapes(self.model.state_dict()):
                continue  # of a training on another vocabulary: the same numbers, made once more
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.step, self.seconds = state["step"], state["seconds"]
            return state["history"], state["numerics"]
        return [], {}


def train_to_the_end(training: Training, work: Path, checkpoints: int = 10) -> Interval:
    """Go on from the newest checkpoint in `work` to the last step; the last interval, diverged or not."""
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
    """`torch.manual_seed`, of the generator that draws on `device` alone.

    The whole one notes a stack trace for every kind of device that is not there, which takes up to 2 ms.
    """
    if device == "cuda":
        torch.cuda.manual_seed(seed)
    else:
        torch.default_generator.manual_seed(seed)


def _checkpoints(*folders: Path) -> list[Path]:
    """The newest first; of two of the same step, that of the folder named first."""
    found = [path for folder in folders for path in folder.glob("checkpoint-*.pt")]
    return sorted(found, key=lambda path: path.name, reverse=True)


def _is_whole(file: BinaryIO) -> bool:
    """Whether `file` ends in the digest of what is before it; back at its beginning, where it is.

    It is read piece by piece, because memory is scarce where a model is there already.
    """
    left = os.fstat(file.fileno()).st_size - DIGEST
    found = hashlib.sha256()
    while left > 0 and (piece := file.read(min(left, PIECE))):
        found.update(piece)
        left -= len(piece)
    whole = left == 0 and file.read() == found.digest()
    file.seek(0)
    return whole


def _decay_groups(model: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Parameters with and without weight decay.

    None on biases and norms (vectors), as usual; none on embeddings, because decay would shrink the rows
    of tokens that never occur, and a student with them cut away would then be another student. Without it
    AdamW leaves a row that never has a gradient as it is, to the bit: its update is 0 / (sqrt(0) + eps).
    """
    embeddings = _embeddings(model)
    decayed: list[nn.Parameter] = []
    plain: list[nn.Parameter] = []
    for parameter in model.parameters():
        if parameter.requires_grad:
            is_plain = parameter.ndim < 2 or id(parameter) in embeddings
            (plain if is_plain else decayed).append(parameter)
    return decayed, plain


def _embeddings(model: nn.Module) -> set[int]:
    """The ids of the parameters that are looked up by row."""
    return {id(module.weight) for module in model.modules() if isinstance(module, nn.Embedding)}


def _gradient_norm(parameters: list[nn.Parameter], embeddings: set[int]) -> Tensor:
    """2-norm of all gradients, a scalar; of `embeddings`, of the rows that have one.

    The others add nothing but would change the order in which the rest is summed: so the norm, and with it
    every clipped step, is the same to the bit however many tokens that do not occur the embedding has. On a
    GPU, where looking for them would make every step wait for the device, it is the same to rounding.
    """
    gradients = [(p.grad, id(p) in embeddings) for p in parameters if p.grad is not None]
    if any(g.is_cuda for g, _ in gradients):
        # Rows cannot be chosen there without the host waiting for the device in every step. The sum over rows
        # is in float64, where its order is lost in rounding.
        norm = torch.linalg.vector_norm
        norms = [norm(norm(g, dim=1).double()).float() if rows else norm(g) for g, rows in gradients]
        total: torch.Tensor = norm(torch.stack(norms))
        return total
    # A row's norm is 0 where the squares of all its numbers are, in whatever order they are summed.
    return nn.utils.get_total_norm(
        [g[torch.linalg.vector_norm(g, dim=1) != 0] if rows else g for g, rows in gradients]
    )


def _shapes(state: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in state.items()}
