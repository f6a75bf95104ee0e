"""The values of a configuration that planning computes with: each wrong one is named with its file."""

from __future__ import annotations

from typing import Any

import pytest

from study.errors import RequestError
from study.trial.models.values import check_values
from tests.trial.models.architectures import tiny_config


def test_an_encoder_of_the_library_passes() -> None:
    check_values(tiny_config("bert", 99))
    check_values(tiny_config("fnet", 99))  # it has no attention heads


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"hidden_size": -1}, "hidden_size: must be at least 1, not -1"),
        ({"num_hidden_layers": 1001}, "num_hidden_layers: must be at least 1 and at most 1000, not 1001"),
        ({"num_attention_heads": 0}, "num_attention_heads: must be at least 1, not 0"),
        ({"max_position_embeddings": 3}, "max_position_embeddings: must be at least 4, not 3"),
        ({"pad_token_id": 99}, "pad_token_id: must be from 0 to 98, the last token, not 99"),
    ],
)
def test_an_impossible_value_is_named_with_its_field(values: dict[str, Any], complaint: str) -> None:
    config = tiny_config("bert", 99)
    for name, value in values.items():
        setattr(config, name, value)
    with pytest.raises(RequestError) as refused:
        check_values(config)
    assert str(refused.value) == f"a bert model: {complaint}"


def test_a_configuration_without_a_size_is_refused() -> None:
    with pytest.raises(
        RequestError, match=r"^a perceiver model: num_hidden_layers: is missing, or has another"
    ):
        check_values(tiny_config("perceiver", 99))
