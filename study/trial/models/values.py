"""The values of a configuration that planning computes with: checked before a model is built."""

from __future__ import annotations

from transformers import PreTrainedConfig

from study.errors import RequestError
from study.trial.models.loading import place_of

__all__ = ["check_values"]

MOST_LAYERS = 1000  # to describe a model of a million layers takes the library hours


def check_values(config: PreTrainedConfig) -> None:
    """Check the sizes that a plan computes with, the padding token, and that the weights are plain numbers.

    Raises:
        RequestError: if a value is missing or impossible; the text names file, field and what is right.
    """
    place = place_of(config)
    for field, most in (("num_hidden_layers", MOST_LAYERS), ("hidden_size", None), ("vocab_size", None)):
        value = getattr(config, field, None)
        if value is None:
            raise RequestError(f"{place}: {field}: is missing, or has another name in a {config.model_type}")
        if not isinstance(value, int) or value < 1 or (most and value > most):
            limit = f" and at most {most}" if most else ""
            raise RequestError(f"{place}: {field}: must be at least 1{limit}, not {value!r}")
    heads = getattr(config, "num_attention_heads", None)
    if isinstance(heads, int) and heads < 1:
        raise RequestError(f"{place}: num_attention_heads: must be at least 1, not {heads}")
    positions = getattr(config, "max_position_embeddings", None)
    if isinstance(positions, int) and positions < 4:
        raise RequestError(f"{place}: max_position_embeddings: must be at least 4, not {positions}")
    pad = getattr(config, "pad_token_id", None)
    if pad is not None and not (isinstance(pad, int) and 0 <= pad < config.vocab_size):
        last = config.vocab_size - 1
        raise RequestError(f"{place}: pad_token_id: must be from 0 to {last}, the last token, not {pad!r}")
    if quantised := getattr(config, "quantization_config", None):
        how = quantised.get("quant_method", "") if isinstance(quantised, dict) else ""
        kind = f" ({how})" if how else ""
        raise RequestError(
            f"{place}: quantization_config: the weights are quantised{kind}, and only plain weights can be "
            "trained; give the model that was quantised"
        )
