"""The arithmetic of a plan, and the hours of a stated GPU that the arithmetic takes at the GPU's peak.

A token costs 2 N floating-point operations in a forward pass and 6 N in a training step, where N is the
number of weights that are multiplied: all but the embeddings (Kaplan et al. 2020, arXiv 2001.08361, section
2.1). The attention between tokens is left out; it is small for texts of up to some hundred tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from study.cli.cost import steps_of

if TYPE_CHECKING:
    from study.cli.begun import Begun
    from study.planning.resolve import Resolved

__all__ = ["GPU", "PEAK", "flops_of", "gpu_line"]

GPU, PEAK = "A100", 312e12
"""A GPU and its peak in bf16, in operations a second (NVIDIA A100 Tensor Core GPU data sheet)."""


def flops_of(resolved: Resolved, begun: Begun | None = None) -> float | None:
    """The floating-point operations of a plan: steps and scores of all trials, teachers and their outputs.

    As the cost of a plan, the number is that of trials that take the most steps and layers. None if the texts
    are not tokenised while the plan is made: the embedded model is still to be built. begun: the study that
    the plan continues.
    """
    from study.trial.inputs import Inputs
    from study.trial.memory import Extent, Sizes

    tokens: Mapping[str, int] = resolved.reading.tokens
    if not tokens:
        return None
    plan = resolved.plan if begun is None else begun.plan
    task, base = resolved.task, resolved.model.config
    shape = Extent(base.vocab_size, 1, len(task.labels), 1, task.kind)  # tokens and texts change no layer
    texts = {name: len(split) for name, split in task.splits.items()}
    length = tokens["train"] / max(1, texts["train"])
    steps, space = steps_of(task, plan), plan.space

    @cache
    def weights(depth: int) -> int:
        draft = next(iter(plan.all_drafts())).model_copy(update={"depth": depth})
        return Sizes.of(draft, base, shape).multiplied

    total = 0.0
    teachers: dict[str, float] = {}
    for arm in plan.arms():
        drafts = plan.drafts(arm)
        largest = max(drafts, key=lambda draft: weights(draft.depth) * draft.batch_size)
        n, search = weights(largest.depth), (begun or plan).planned(arm)
        confirm = plan.tunings * space.confirm_seeds
        training = 6 * n * steps[arm.name] * largest.batch_size * length
        scores = 2 * n * tokens["validation"]
        total += (search + confirm) * (training + space.reports * scores) + confirm * 2 * n * tokens["test"]
        for draft in (draft.with_seed(seed) for draft in drafts for seed in plan.seeds):
            whole = weights(draft.model_layers)
            trained = 0 if draft.teacher else 6 * draft.teacher_steps * draft.teacher_batch_size * length
            key = Inputs(resolved.store, draft).teacher_key
            teachers[key] = whole * (trained + 2 * sum(tokens.values()))
    return total + sum(teachers.values())


def gpu_line(flops: float) -> str:
    """The arithmetic of a plan and the hours of the GPU, in one line."""
    hours = flops / PEAK / 3600
    return (
        f"arithmetic: {flops / 1e15:.3g} PFLOP; {hours:.2g} GPU-hours on one {GPU} at its peak of "
        f"{PEAK / 1e12:.0f} TFLOP/s in bf16, several times as many for short texts and small students"
    )
