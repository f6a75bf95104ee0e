"""Every tensor of a model's files has its place in the model, or is known to be dropped.

The library drops a tensor for which the model has no place, and says so in a log. What is left may be another
model than the files describe.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from study.errors import RequestError

if TYPE_CHECKING:  # the modelling code takes seconds to import, and a driver never runs a model
    from transformers import PreTrainedConfig, PreTrainedModel

__all__ = ["check_placed", "in_short"]

BUFFERS = ("position_ids", "token_type_ids")  # 0, 1, 2, ... and 0, 0, 0, ...: older versions save them
POOLER_AND_OLD_HEADS = {"pooler", "lm_predictions", "mask_predictions", "cls"}
"""What some models of an architecture have and others do not; and heads that files have under older names."""


def check_placed(folder: Path, model: PreTrainedModel, unexpected: Iterable[str]) -> None:
    """Check that `model` has a place for every tensor of the files in `folder` that must not be dropped.

    unexpected: the tensors for which the library found no place. Dropped on purpose are saved position ids,
    and a whole part that `model` does not have and the library knows for the architecture: a head, a pooler.

    Raises:
        RequestError: if any other tensor has no place; the message has their number and the first names.
    """
    prefix = f"{model.base_model_prefix}."
    there = {name for part in (model, model.base_model) for name, _ in part.named_children()}
    left = {name for name in unexpected if not name.endswith(BUFFERS)}
    for heads in _heads(model.config):
        if not left:
            return
        left = {name for name in left if name.removeprefix(prefix).split(".")[0] not in heads - there}
    if left:
        raise RequestError(
            f"{folder}: its weights have {in_short(left, ' without a place')}: a {model.config.model_type} "
            "with this config.json does not read them; weights and config.json saved together are right"
        )


def in_short(names: Iterable[str], whose: str = "", shown: int = 3) -> str:
    """The number of tensors, `whose` they are, and the first names; layer 2 comes before layer 10."""
    ordered = sorted(names, key=lambda name: [part.rjust(9) for part in name.split(".")])
    listed = ", ".join(ordered[:shown]) + (", ..." if len(ordered) > shown else "")
    return f"{len(ordered)} tensor{'' if len(ordered) == 1 else 's'}{whose}, as {listed}"


def _heads(config: PreTrainedConfig) -> Iterator[set[str]]:
    """The names of what stands beside the encoder, for one after another of the library's models."""
    from transformers.models.auto import modeling_auto as auto

    yield POOLER_AND_OLD_HEADS
    mappings: tuple[Any, ...] = (
        auto.MODEL_FOR_MASKED_LM_MAPPING,
        auto.MODEL_FOR_PRETRAINING_MAPPING,
        auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING,
        auto.MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING,
        auto.MODEL_FOR_QUESTION_ANSWERING_MAPPING,
        auto.MODEL_FOR_CAUSAL_LM_MAPPING,
    )
    for mapping in mappings:
        if type(config) in mapping:
            with torch.device("meta"):
                model = mapping[type(config)](copy.deepcopy(config))
            yield {name for name, _ in model.named_children()} - {model.base_model_prefix}
