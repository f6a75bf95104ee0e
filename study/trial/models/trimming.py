"""Models on a part of the vocabulary: the embedding has the rows of the kept tokens alone, and gets all back.

A trimmed model computes from new ids what the whole model computes from old ids, equal to the bit.
`why_not_trimmable` checks this on each base model, because no architecture guarantees it.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedConfig

from study.errors import first_line
from study.trial.data.vocabulary import Vocabulary
from study.trial.models.loading import assemble, skeleton

if TYPE_CHECKING:  # the modelling code takes seconds to import, and a driver never runs a model
    from transformers import PreTrainedModel

__all__ = [
    "full_size",
    "put_back",
    "special_ids",
    "token_embedding",
    "trim",
    "trim_tensors",
    "trimmed_config",
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

    If the embedding maps a file, only the kept rows are read. The token ids in the returned configuration are
    new ids.

    Raises:
        ValueError: if the embedding does not have a row for each token of the vocabulary.
    """
    name = token_embedding(skeleton(config))
    if len(state[name]) != vocabulary.size:
        raise ValueError(f"{name} has {len(state[name])} rows, the vocabulary {vocabulary.size} tokens")
    rows = torch.from_numpy(vocabulary.kept.astype(np.int64))
    return trimmed_config(config, vocabulary), state | {name: state[name][rows]}


def trim(model: PreTrainedModel, vocabulary: Vocabulary | None) -> PreTrainedModel:
    """A copy of the classifier `model` on the kept tokens, in evaluation mode and in memory of its own.

    Returns the model itself if `vocabulary` is none.

    Raises:
        ValueError: as `trim_tensors`.
    """
    if vocabulary is None:
        return model
    return assemble(*trim_tensors(model.config, model.state_dict(), vocabulary))


def put_back(
    trained: PreTrainedModel, vocabulary: Vocabulary | None, start: PreTrainedModel
) -> PreTrainedModel:
    """The classifier `trained` on the whole vocabulary again, in evaluation mode.

    Returns `trained` itself if `vocabulary` is none.
    start: the model before its first step and before it was trimmed. Tokens that are not kept get its rows:
    to train the whole model would have left these rows unchanged.
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
    """Why students of the classifier `model` cannot be trained on the kept tokens; None if they can.

    They can if the trimmed model, built from its own configuration, gives `batch` (old ids and attention
    mask, [B x L]) the same logits to the bit. They cannot if, for example, positions are counted from a
    padding token that could not keep its id, or another part of the model is looked up by token.
    """
    new_ids = torch.from_numpy(vocabulary.trim_ids(batch["input_ids"].numpy()).astype(np.int64))
    try:
        trimmed = trim(model, vocabulary)
        with torch.inference_mode():
            whole = model.eval()(**batch).logits
            ours = trimmed(**batch | {"input_ids": new_ids}).logits
    except Exception as error:  # an architecture's code may raise anything on a vocabulary of another size
        return f"{model.config.model_type} cannot be built on part of a vocabulary: {first_line(error)}"
    if torch.equal(whole, ours):
        return None
    return f"{model.config.model_type} gives other logits on part of its vocabulary"


def special_ids(config: PreTrainedConfig, tokenizer: Any) -> set[int]:
    """Tokens that are kept even if no text has them: the special tokens of tokenizer and configuration."""
    return {*tokenizer.all_special_ids, *_token_ids(config).values()}


def _token_ids(config: PreTrainedConfig) -> dict[str, int]:
    """The fields of `config` that have a token id: name -> id."""
    found = {name: value for name, value in config.to_dict().items() if name.endswith("_token_id")}
    return {name: v for name, v in found.items() if isinstance(v, int) and 0 <= v < config.vocab_size}


def trimmed_config(config: PreTrainedConfig, vocabulary: Vocabulary) -> PreTrainedConfig:
    """A copy of `config` on the kept tokens; its token ids are new ids."""
    trimmed = copy.deepcopy(config)
    for field, token in _token_ids(config).items():
        setattr(trimmed, field, vocabulary.trim_id(token))
    trimmed.vocab_size = len(vocabulary)
    return trimmed
