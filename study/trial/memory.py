"""Memory of a trial: predicted from the configuration before anything is loaded, given back at the end."""

from __future__ import annotations

import copy
import ctypes
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from study.config import TrialConfig
from study.trial.data.batches import EVALUATION_TOKENS
from study.trial.data.task import Kind

if TYPE_CHECKING:  # takes seconds to import, and a worker's memory is given back without it
    from transformers import PreTrainedConfig

__all__ = ["MIB", "Extent", "Peak", "Sizes", "activations", "give_back_memory", "predict_peak", "teacher_of"]

MIB = 2**20
WORKER = 700 * MIB  # a Ray worker that has imported all and run a tiny trial (610 measured)
CUDA_WORKER = 3072 * MIB  # the same with CUDA's libraries loaded; an estimate
CPU_SLACK = 1.25  # for the freed blocks that malloc keeps within a trial; they differ from run to run
KEPT = 64 * MIB  # the same for models of a few megabytes


@dataclass(frozen=True)
class Extent:
    """What the task decides of a trial's size: trained tokens, tokens of the longest text, classes, texts.

    kind: what has a label. items: the words of the split with the most words, in a token task.
    """

    vocabulary: int
    longest: int
    classes: int
    texts: int  # of the training split, since no batch can have more
    kind: Kind = "text"
    items: int = 0


@dataclass(frozen=True)
class Peak:
    """Bytes at the worst moment of a trial: of its process on the host, and on the GPU, if there is one.

    device: what torch has allocated (`torch.cuda.max_memory_allocated`), without CUDA's own context.
    """

    host: int
    device: int = 0


def predict_peak(
    config: TrialConfig, base: PreTrainedConfig, extent: Extent, device: str = "cpu", dtype: str = "float32"
) -> Peak:
    """Peak memory of the trial `config` of a student of `base`, in bytes.

    The student has P parameters and d layers of width H with feed-forward width I and A attention heads. A
    step has B texts of L tokens, T = B L, as if all texts were as long as the longest. In float32 (4 bytes):

        state       12 P              weights and AdamW's two moments; 16 P with the gradients
        activations d (T (40 H + 8 I) + 12 A B L^2) + T 16 H                  kept for the backward pass
        transients  T (8 I + 16 H) + 8 A B L^2                                of one layer: their gradients
        evaluation  E (8 I + 32 H) + 8 A E L, E = max(L, `EVALUATION_TOKENS[device]`) of one layer; in a
                    token task also 8 N K, the logits of N words and K classes, twice
        checkpoint  12 P + the largest tensor                                 serialised on the host
        reading     4 F + 12 P        F parameters of the base model on its whole vocabulary, mapped

    A CPU computes attention by its plain formula (torch has no fused attention with dropout), hence L^2. The
    largest of training (16 P + activations + transients), report (12 P + checkpoint, or + evaluation) and
    reading, times `CPU_SLACK`, plus the worker itself, is an upper bound on a CPU.

    With a GPU, the host has the worker, `reading` and `checkpoint`. On the GPU, dropout masks take one byte,
    and attention is fused if the architecture has fused attention. Under bf16 autocast matrix products keep 2
    bytes a value and a copy of their weights; norms and residuals keep 4 bytes a value:

        activations d T (34 H + 8 I) in float32, d T (22 H + 4 I) + 2 P' in bf16; P' = P without embeddings
        peak        12 P + the larger of activations + transients and gradients 4 P + 4 min(T, V) H

    DeBERTa-v2's disentangled attention has more activations (`_disentangled`).

    extent: the trained vocabulary, V tokens, and the texts; dtype: "float32" or "bfloat16" (autocast).
    Source of the terms: the tensors that autograd saves, which a test counts for every architecture.
    """
    sizes = Sizes.of(config, base, extent)
    p, h, i, v = sizes.parameters, sizes.hidden, sizes.intermediate, extent.vocabulary
    length = min(config.max_length, extent.longest)
    batch = min(config.batch_size, extent.texts)
    tokens, evaluated = batch * length, max(length, EVALUATION_TOKENS[device])
    checkpoint = 12 * p + 4 * sizes.largest
    reading = 4 * sizes.source + 12 * p
    logits = 8 * extent.items * extent.classes
    if device == "cpu":
        kept = activations(config.depth, batch, length, sizes)
        transients = tokens * (8 * i + 16 * h) + 8 * sizes.heads * tokens * length
        evaluation = evaluated * (8 * i + 32 * h) + 8 * sizes.heads * evaluated * length + logits
        worst = max(16 * p + kept + transients, 12 * p + max(checkpoint, evaluation), reading)
        return Peak(WORKER + KEPT + round(CPU_SLACK * worst))
    narrow = dtype == "bfloat16"
    each = 22 * h + 4 * i if narrow else 34 * h + 8 * i
    copies = 2 * sizes.multiplied if narrow else 0
    transients = tokens * ((4 * i + 10 * h) if narrow else (8 * i + 16 * h))
    evaluation = copies + evaluated * ((4 * i + 20 * h) if narrow else (8 * i + 24 * h)) + logits
    kept = config.depth * tokens * each + 12 * tokens * h
    if not sizes.fused:
        square = sizes.heads * length * (8 if narrow else 9)
        kept += config.depth * (tokens * square + _disentangled(sizes, batch, length))
        transients += tokens * square
        evaluation += evaluated * square
    training = max(copies + kept + transients, 4 * p + 4 * min(tokens, v) * h)
    return Peak(CUDA_WORKER + max(checkpoint, reading), 12 * p + max(training, evaluation))


def activations(depth: int, batch: int, length: int, sizes: Sizes) -> int:
    """Bytes that autograd keeps on a CPU for the backward pass of `batch` texts of `length` tokens."""
    tokens = batch * length
    layer = tokens * (40 * sizes.hidden + 8 * sizes.intermediate) + 12 * sizes.heads * tokens * length
    return depth * (layer + _disentangled(sizes, batch, length)) + 16 * tokens * sizes.hidden


def teacher_of(config: TrialConfig) -> TrialConfig:
    """A trial that takes as much memory as training its teacher: full depth, the teacher's batch."""
    return config.model_copy(update={"depth": config.model_layers, "batch_size": config.teacher_batch_size})


def give_back_memory() -> None:
    """Return the memory that this process has freed to the operating system.

    Tune runs every trial in a new thread, malloc gives the thread another arena, and glibc keeps the freed
    memory of each arena: without this call a worker's memory grows with its trials. If the C library is not
    glibc, the call does nothing.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


@dataclass(frozen=True)
class Sizes:
    """Sizes of one student; relative: the positions of disentangled attention, 0 without such attention."""

    parameters: int
    largest: int  # its largest tensor
    multiplied: int  # parameters that are not looked up by row
    source: int  # parameters of the base model, with the whole vocabulary
    hidden: int
    intermediate: int
    heads: int
    fused: bool
    relative: int

    @classmethod
    def of(cls, config: TrialConfig, base: PreTrainedConfig, extent: Extent) -> Sizes:
        """The sizes of the student of `config`, counted on a model of shapes alone."""
        import torch

        from study.trial.models.loading import labelled, skeleton
        from study.trial.models.shapes import with_layers

        student = with_layers(base, [[layer] for layer in range(config.depth)])
        student.vocab_size, student.num_labels = base.vocab_size, extent.classes
        if extent.kind == "token":
            student = labelled(student, [str(place) for place in range(extent.classes)], "token")
        model: Any = skeleton(student)
        embedding = model.get_input_embeddings().weight
        cut = (base.vocab_size - extent.vocabulary) * embedding.shape[1]
        each = [p.numel() - (cut if p is embedding else 0) for p in model.parameters()]
        looked_up = sum(m.weight.numel() for m in model.modules() if isinstance(m, torch.nn.Embedding))
        hidden = int(base.hidden_size)
        stated = getattr(base, "intermediate_size", None) or getattr(base, "hidden_dim", None)
        intermediate = int(stated or 4 * hidden)  # XLM and FlauBERT do not state the usual width
        linear = [m for m in model.modules() if isinstance(m, torch.nn.Linear)]
        gated = any(m.out_features == 2 * intermediate for m in linear)  # as ModernBERT's
        whole = sum(p.numel() for p in skeleton(copy.deepcopy(base)).parameters())
        relative = 0
        if getattr(base, "relative_attention", False):
            buckets = int(getattr(base, "position_buckets", -1))
            relative = 2 * (buckets if buckets > 0 else int(base.max_position_embeddings))
        return cls(
            parameters=sum(each),
            largest=max(each),
            multiplied=sum(each) - (looked_up - cut),
            source=whole,
            hidden=hidden,
            intermediate=2 * intermediate if gated else intermediate,
            heads=int(getattr(base, "num_attention_heads", 0)),  # FNet has no attention
            fused=bool(model._supports_sdpa),
            relative=relative,
        )


def _disentangled(sizes: Sizes, batch: int, length: int) -> int:
    """Bytes of one layer's relative positions: projections (repeated for each text), scores and indices."""
    r, tokens = sizes.relative, batch * length
    if not r:
        return 0
    return 8 * batch * r * sizes.hidden + tokens * sizes.heads * (9 * r + 6 * length)
