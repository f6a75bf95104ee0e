"""A tiny model of each encoder type of the library, with random weights, and a task to try the models on."""

from __future__ import annotations

import json
import random
from functools import cache
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForMaskedLM, PreTrainedConfig, PreTrainedTokenizerFast
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,
)

from study.trial.models.embedded import build_tokenizer

__all__ = ["KINDS", "LABELS", "tiny_config", "tokenizer", "write_model", "write_task"]

CLASSIFIERS = MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES
KINDS = tuple(sorted(kind for kind in MODEL_FOR_MASKED_LM_MAPPING_NAMES if kind in CLASSIFIERS))
"""Every `model_type` with a masked LM and a sequence classifier in the installed library."""

WORDS = {
    "deu": ("wecker uhr früh", "lied band laut", "regen wolke wind"),
    "swa": ("niamshe saa kengele", "wimbo bendi sauti", "mvua wingu upepo"),
}
LABELS = ("alarm", "music", "weather")

SMALL: dict[str, Any] = {
    "num_hidden_layers": 4,
    "n_layers": 4,
    "hidden_size": 32,
    "dim": 32,
    "d_model": 32,
    "emb_dim": 32,
    "embedding_size": 32,
    "input_embedding_size": 32,
    "output_embedding_size": 32,
    "num_attention_heads": 4,
    "n_heads": 4,
    "intermediate_size": 48,
    "hidden_dim": 48,
    "d_inner": 48,
    "max_position_embeddings": 130,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 48,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
}
"""Sizes by the names that architectures give to them; each architecture gets the names that it has."""

MORE: dict[str, dict[str, Any]] = {
    "big_bird": {"block_size": 4, "num_random_blocks": 1},
    "deberta": {"relative_attention": True, "pos_att_type": ["p2c", "c2p"]},
    "deberta-v2": {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_buckets": 8},
    "esm": {"mask_token_id": 4, "position_embedding_type": "absolute"},
    "funnel": {"block_sizes": [2, 2], "n_head": 4, "d_head": 8},
    "longformer": {"attention_window": 8},
    "luke": {"entity_vocab_size": 10, "entity_emb_size": 8},
    "mobilebert": {"intra_bottleneck_size": 32, "num_feedforward_networks": 2},
    "modernbert": {"local_attention": 8, "cls_token_id": 0, "sep_token_id": 2},
    "perceiver": {
        "num_latents": 8,
        "d_latents": 32,
        "num_blocks": 1,
        "num_self_attends_per_block": 4,
        "num_self_attention_heads": 4,
        "num_cross_attention_heads": 4,
    },
    "reformer": {
        "is_decoder": False,
        "axial_pos_embds": False,
        "attention_head_size": 8,
        "feed_forward_size": 48,
        "attn_layers": ["local", "lsh", "local", "lsh"],
        "local_attn_chunk_length": 8,
        "lsh_attn_chunk_length": 8,
        "num_buckets": 4,
    },
    "roc_bert": {"pronunciation_vocab_size": 20, "shape_vocab_size": 20},
    "xmod": {"languages": ["en_XX"], "default_language": "en_XX"},
}
"""What an architecture needs besides, or what makes its special part small."""

SIZES = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
TEXT: dict[str, Any] = {name: SMALL[name] for name in SIZES}
VISION = TEXT | {"image_size": 32, "patch_size": 16}


def tiny_config(kind: str, vocabulary: int) -> PreTrainedConfig:
    """A configuration of the `model_type` called `kind`, of four layers of 32."""
    special = {"vocab_size": vocabulary, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
    config_class = CONFIG_MAPPING[kind]
    if "text_config" in (parts := config_class.sub_configs):  # a text model with a vision model beside it
        sizes = {name: VISION if "vision" in name else TEXT | special for name in parts}
        return AutoConfig.for_model(kind, **sizes)
    known = {name for each in config_class.__mro__ for name in getattr(each, "__annotations__", ())}
    sizes = {name: value for name, value in SMALL.items() if name in known}
    return AutoConfig.for_model(kind, **special | sizes | MORE.get(kind, {}))


@cache
def tokenizer() -> PreTrainedTokenizerFast:
    """A tokenizer of about 300 tokens, most of which the task does not have."""
    texts = [words for each in WORDS.values() for words in each]
    return build_tokenizer(texts * 2, 320)


def write_model(config: PreTrainedConfig, folder: Path) -> Path:
    """A masked LM of `config` with random weights, every weight moved off its initial value."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = AutoModelForMaskedLM.from_config(config)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder


def write_task(folder: Path) -> Path:
    """Two languages, three labels; texts of two to fifteen words."""
    folder.mkdir(parents=True)
    for split, rows in (("train", 48), ("dev", 12), ("test", 12)):
        draw, lines = random.Random(split), []
        for row in range(rows):
            language = ("deu", "swa")[row % 2]
            label = row // 2 % 3
            words = draw.choices(WORDS[language][label].split(), k=draw.randint(2, 15))
            text = f"{' '.join(words)} {split} {row}"
            lines.append(json.dumps({"text": text, "label": LABELS[label], "lang": language}))
        (folder / f"{split}.jsonl").write_text("\n".join(lines), "utf-8")
    return folder
