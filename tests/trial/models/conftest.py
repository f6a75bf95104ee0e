"""Tiny models of every architecture that students are tested on, with random weights."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    AutoModelForMaskedLM,
    BertConfig,
    DebertaV2Config,
    DistilBertConfig,
    ElectraConfig,
    ModernBertConfig,
    PreTrainedConfig,
    PreTrainedTokenizerFast,
    RobertaConfig,
    XLMRobertaConfig,
)

from study.config import TrialConfig
from study.trial.data.task import Kind
from study.trial.models.embedded import build_tokenizer
from study.trial.models.encoder import import_encoder
from study.trial.models.teacher import new_classifier

LABELS = ("cancel", "greet", "order")
LAYERS = 4
SIZE: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    "intermediate_size": 37,
}
DISENTANGLED: dict[str, Any] = {
    "relative_attention": True,
    "pos_att_type": ["p2c", "c2p"],
    "norm_rel_ebd": "layer_norm",
    "conv_kernel_size": 3,
    "position_buckets": 8,
}
SPECIAL: dict[str, Any] = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
CONFIGS: dict[str, Callable[[int], PreTrainedConfig]] = {
    "bert": lambda v: BertConfig(vocab_size=v, **SIZE, pad_token_id=1),
    "roberta": lambda v: RobertaConfig(vocab_size=v, **SIZE, **SPECIAL),
    "xlm-roberta": lambda v: XLMRobertaConfig(vocab_size=v, **SIZE, **SPECIAL),
    "distilbert": lambda v: DistilBertConfig(
        vocab_size=v, dim=32, n_layers=LAYERS, n_heads=4, hidden_dim=37, pad_token_id=1
    ),
    "deberta-v2": lambda v: DebertaV2Config(vocab_size=v, **SIZE, **DISENTANGLED, pad_token_id=1),
    "electra": lambda v: ElectraConfig(vocab_size=v, **SIZE, embedding_size=16, pad_token_id=1),
    "modernbert": lambda v: ModernBertConfig(
        vocab_size=v, **SIZE, **SPECIAL, cls_token_id=0, sep_token_id=2, local_attention=8
    ),
}
STACKS = {
    "bert": "bert.encoder.layer",
    "roberta": "roberta.encoder.layer",
    "xlm-roberta": "roberta.encoder.layer",
    "distilbert": "distilbert.transformer.layer",
    "deberta-v2": "deberta.encoder.layer",
    "electra": "electra.encoder.layer",
    "modernbert": "model.layers",
}
TEXTS = ("call me a taxi please", "habari ya asubuhi rafiki", "ẹ káàárọ̀ o", "cancel my order", "一二三")


@dataclass(frozen=True)
class Family:
    """One architecture: a masked-LM checkpoint as users have it, and base and teacher as trials do."""

    name: str
    stack: str
    raw: Path
    base: Path
    teacher: Path
    labels: tuple[str, ...] = LABELS
    layers: int = LAYERS
    kind: Kind = "text"

    def config(self, **values: Any) -> TrialConfig:
        fixed = {"task": "t", "model": "m", "model_layers": self.layers, "depth": 2}
        return TrialConfig(**fixed | {"learning_rate": 1e-3, "teacher_learning_rate": 1e-3} | values)


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerFast:
    return build_tokenizer(TEXTS * 2)


@pytest.fixture(scope="session")
def roughen() -> Callable[[torch.nn.Module, int], None]:
    """Move every parameter off its initial value, so that no two norms or biases are equal by chance."""

    def add_noise(model: torch.nn.Module, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))

    return add_noise


@pytest.fixture(scope="session")
def families(tmp_path_factory: pytest.TempPathFactory, tokenizer: Any, roughen: Any) -> Callable[..., Family]:
    """`families(name, kind)`: built when first asked for; kind: what teacher and students label."""
    built: dict[tuple[str, Kind], Family] = {}

    def build(name: str, kind: Kind = "text") -> Family:
        if (name, kind) not in built:
            root = tmp_path_factory.mktemp(name)
            raw = AutoModelForMaskedLM.from_config(CONFIGS[name](len(tokenizer)))
            roughen(raw, 1)
            raw.save_pretrained(root / "raw")
            tokenizer.save_pretrained(root / "raw")
            import_encoder(str(root / "raw"), root / "base")
            teacher = new_classifier(root / "base", LABELS, 0, kind)
            roughen(teacher, 2)
            teacher.save_pretrained(root / "teacher")
            tokenizer.save_pretrained(root / "teacher")
            folders = (root / "raw", root / "base", root / "teacher")
            built[name, kind] = Family(name, STACKS[name], *folders, kind=kind)
        return built[name, kind]

    return build


@pytest.fixture(params=sorted(CONFIGS))
def family(request: pytest.FixtureRequest, families: Callable[..., Family]) -> Family:
    return families(request.param)


@pytest.fixture(params=[(name, kind) for name in sorted(CONFIGS) for kind in ("text", "token")], ids="-".join)
def either(request: pytest.FixtureRequest, families: Callable[..., Family]) -> Family:
    """Each architecture, as a classifier of texts and as one of tokens."""
    return families(*request.param)


@pytest.fixture
def bert(families: Callable[[str], Family]) -> Family:
    return families("bert")


@pytest.fixture(scope="session")
def batch(tokenizer: Any) -> dict[str, torch.Tensor]:
    encoded = tokenizer(list(TEXTS), padding=True, return_tensors="pt")
    return {name: encoded[name] for name in ("input_ids", "attention_mask")}


@pytest.fixture(scope="session")
def file_hashes() -> Callable[[Sequence[Path]], dict[str, str]]:
    """The content of every file under some folders."""

    def hashes(folders: Sequence[Path]) -> dict[str, str]:
        files = sorted(file for folder in folders for file in folder.rglob("*") if file.is_file())
        return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}

    return hashes


@pytest.fixture
def copy(bert: Any, tmp_path: Path) -> Path:
    """A copy of a masked-LM checkpoint, to be changed."""
    return Path(shutil.copytree(bert.raw, tmp_path / "copy"))
