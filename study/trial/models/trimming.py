"""Models on a part of the vocabulary: the embedding's rows of kept tokens alone, and back.

What a trimmed model computes from new ids equals, to the bit, what the whole one computes from old ids. That
is checked on each base model rather than assumed of architectures (`why_not_trimmable`).
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedConfig

from study.trial.data.vocabulary import Vocabulary
from study.trial.models.loading import assemble, one_line, skeleton

if TYPE_CHECKING:  # the modelling code takes seconds to import, and a driver never runs a model
    from transformers import PreTrainedModel

__all__ = [
    "full_size",
    "put_back",
    "special_ids",
    "token_embedding",
    "trim",
    "trim_tensors",
    "why_not_trimmable",
]


def token_embedding(model: PreTrainedModel) -> str:
    """Name, in the state dictionary, of the tensor that has one row for each token."""
    embedding: Any = model.get_input_embeddings()
    return next(name for name, parameter in model.named_parameters() if parameter is embedding.weight)


def trim_tensors(
    config: PreTrainedConfig, state: dict[str, Tensor], vocabulary: Vocabulary
) -> tuple[PreTrainedConfig, dict[str, Tensor]]:
    """Configuration and tensors of the classifier (config, state) on the kept tokens.

    Of a tensor that maps a file only the kept rows are read. The configuration's token ids are new ids.

    Raises:
        ValueError: where the embedding has not the vocabulary's size.
    """
    name = token_embedding(skeleton(config))
    if len(state[name]) != vocabulary.size:
        raise ValueError(f"{name} has {len(state[name])} rows, the vocabulary {vocabulary.size} tokens")
    rows = torch.from_numpy(vocabulary.kept.astype(np.int64))
    return _trimmed_config(config, vocabulary), state | {name: state[name][rows]}


def trim(model: PreTrainedModel, vocabulary: Vocabulary | None) -> PreTrainedModel:
    """A copy of the classifier `model` on the kept tokens, in evaluation mode and in memory of its own.

    The model itself where there is no vocabulary to trim it to.

    Raises:
        ValueError: as `trim_tensors`.
    """
    if vocabulary is None:
        return model
    return assemble(*trim_tensors(model.config, model.state_dict(), vocabulary))


def put_back(
    trained: PreTrainedModel, vocabulary: Vocabulary | None, start: PreTrainedModel
) -> PreTrainedModel:
    """The classifier `trained` on the whole vocabulary again, in evaluation mode; itself if it never left it.

    start: what `trained` was before its first step and before it was trimmed. Tokens that are not kept have
    its rows, where training the whole model would have left them.
    """
    if vocabulary is None:
        return trained
    state, name = trained.state_dict(), token_embedding(start)
    whole = start.state_dict()[name].clone()
    whole[torch.from_numpy(vocabulary.kept.astype(np.int64))] = state[name].to(whole)
    config = copy.deepcopy(trained.config)
    for field, token in _token_ids(start.config).items():
        setattr(config, field, token)
    config.vocab_size = start.config.vocab_size
    return assemble(config, state | {name: whole})


def full_size(model: PreTrainedModel, vocabulary: Vocabulary | None) -> int:
    """Parameters of `model` with the whole vocabulary."""
    size = sum(parameter.numel() for parameter in model.parameters())
    if vocabulary is None:
        return size
    embedding: Any = model.get_input_embeddings()
    return size + (vocabulary.size - len(vocabulary)) * int(embedding.weight.shape[1])


def why_not_trimmable(model: PreTrainedModel, vocabulary: Vocabulary, batch: dict[str, Tensor]) -> str | None:
    """Why students of the classifier `model` cannot be trained on the kept tokens; none if they can.

    They can where the trimmed model, built anew from its own configuration, gives `batch` (old ids and
    attention mask, [B x L]) the same logits to the bit. They cannot where, for one, positions are counted
    from a padding token that could not stay where it was, or something else is looked up by token.
    """
    new_ids = torch.from_numpy(vocabulary.trim_ids(batch["input_ids"].numpy()).astype(np.int64))
    try:
        trimmed = trim(model, vocabulary)
        with torch.inference_mode():
            whole = model.eval()(**batch).logits
            ours = trimmed(**batch | {"input_ids": new_ids}).logits
    except (
        Exception
    ) as error:  # whatever an architecture's code raises on a vocabulary that it is not made for
        return f"{model.config.model_type} cannot be built on part of a vocabulary: {one_line(error)}"
    if torch.equal(whole, ours):
        return None
    return f"{model.config.model_type} gives other logits on part of its vocabulary"


def special_ids(config: PreTrainedConfig, tokenizer: Any) -> set[int]:
    """Tokens that are kept whether texts have them or not: the tokenizer's and the configuration's own."""
    return {*tokenizer.all_special_ids, *_token_ids(config).values()}


def _token_ids(config: PreTrainedConfig) -> dict[str, int]:
    """The fields of `config` that hold a token id, by their name."""
    found = {name: value for name, value in config.to_dict().items() if name.endswith("_token_id")}
    return {name: v for name, v in found.items() if isinstance(v, int) and 0 <= v < config.vocab_size}


def _trimmed_config(config: PreTrainedConfig, vocabulary: Vocabulary) -> PreTrainedConfig:
    trimmed = copy.deepcopy(config)
    for field, token in _token_ids(config).items():
        setattr(trimmed, field, vocabulary.trim_id(token))
    trimmed.vocab_size = len(vocabulary)
    return trimmed
