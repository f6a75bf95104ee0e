"""What the library's own code would read as something else is refused before weights are read."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoModelForMaskedLM, XmodConfig

from study.errors import RequestError
from study.trial.models.encoder import check_encoder, check_weights
from study.trial.models.teacher import check_teacher

OWN = {"AutoConfig": "own.Config", "AutoModelForMaskedLM": "own.Model"}


@pytest.fixture(params=["bert", "roberta", "modernbert"])
def edited(
    families: Callable[[str], Any], request: pytest.FixtureRequest, tmp_path: Path
) -> Callable[..., tuple[Any, Path]]:
    """A copy of an architecture's checkpoint, or of its teacher, with other fields in config.json."""

    def edit(part: str = "raw", **values: Any) -> tuple[Any, Path]:
        family = families(request.param)
        folder = Path(shutil.copytree(getattr(family, part), tmp_path / "edited"))
        file = folder / "config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | values))
        return family, folder

    return edit


def refused(folder: Path, words: str) -> None:
    with pytest.raises(RequestError, match=words) as error:
        check_encoder(folder)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "own", [OWN, {"AutoModel": "own.Model"}, {"AutoModelForSequenceClassification": "x.Y"}]
)
def test_code_of_its_own_under_a_type_that_the_library_knows(
    edited: Callable[..., Any], own: dict[str, str], tmp_path: Path
) -> None:
    family, folder = edited(auto_map=own)
    (folder / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    refused(
        folder, rf"config\.json: auto_map: .* code that comes with it .* a {family.name} of the transformers"
    )
    assert not (tmp_path / "ran").exists()


def test_a_teachers_own_code(edited: Callable[..., Any]) -> None:
    family, folder = edited("teacher", auto_map=OWN)
    with pytest.raises(RequestError, match="auto_map"):
        check_teacher(folder, family.labels, family.base)


@pytest.mark.parametrize("values", [{"auto_map": {}}, {"auto_map": {"AutoTokenizer": "t.T"}}])
def test_no_code_for_the_model(edited: Callable[..., Any], values: dict[str, Any]) -> None:
    check_encoder(edited(**values)[1])


@pytest.mark.parametrize("positions", ["relative_key", "alibi"])
def test_positions_that_the_librarys_code_does_not_compute(
    edited: Callable[..., Any], positions: str
) -> None:
    _, folder = edited(position_embedding_type=positions)
    with pytest.raises(RequestError, match=f"position_embedding_type: .* '{positions}' positions"):
        check_weights(folder)


def test_a_teachers_positions(edited: Callable[..., Any]) -> None:
    family, folder = edited("teacher", position_embedding_type="alibi")
    with pytest.raises(RequestError, match=r"position_embedding_type: .* 'alibi' positions"):
        check_teacher(folder, family.labels, family.base)


def test_positions_that_it_does(edited: Callable[..., Any]) -> None:
    check_weights(edited(position_embedding_type="absolute")[1])


def test_an_adapter_beside_the_weights(edited: Callable[..., Any]) -> None:
    folder = edited()[1]
    (folder / "adapter_config.json").write_text("{}")
    refused(folder, r"adapter_config\.json: an adapter is not read here; .* merged")


@pytest.mark.parametrize("default", [None, "en_XX"])
def test_weights_for_each_language(copy: Path, default: str | None, tmp_path: Path) -> None:
    tokens = json.loads((copy / "config.json").read_text())["vocab_size"]
    config = XmodConfig(
        vocab_size=tokens,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=37,
        languages=["en_XX", "sw_KE"],
        default_language=default,
    )
    AutoModelForMaskedLM.from_config(config).save_pretrained(copy)
    refused(copy, "a xmod model has weights for each language .* the same weights for all languages is right")
