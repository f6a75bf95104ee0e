"""Tokenizers: loaded exactly as their file defines them, and compared by the ids that they give."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from transformers import AutoTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from study.errors import RequestError, first_line

__all__ = ["check_same_tokenizer", "definition", "load_tokenizer", "loses_bytes"]

FILES = ("tokenizer.json", "vocab.txt", "vocab.json", "*.model")

BYTES = frozenset(f"<0x{byte:02X}>" for byte in range(256))
"""The tokens that a sentencepiece model with byte fallback has for the bytes of what it does not know."""

PROBES = (
    "A plain sentence, with 3 numbers: 7, 42 and 1999!",
    "MiXeD case,\ttabs  and   spaces ",
    "Ẹ káàrọ̀ o; ṣé dáadáa ni?  Naïve façade, Straße, ﬁn",
    "我想订一张去北京的票。明日の天気は？ 오늘 날씨 어때요",
    "आज मौसम कैसा है? ነገ ዝናብ ይዘንባል? หิวข้าว",
    "ما حالة الطقس اليوم؟ Какая сегодня погода? שלום",
    "🙂👍🏽 — “quotes” … <s> [MASK] </s>",
)


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The fast tokenizer in `folder`, with no padding and no truncation of its own.

    A tokenizer of 250,002 tokens takes more than a second to load, and preparation needs it in a dozen
    places. So a process keeps the tokenizers that it has loaded, as long as the files stay the same. The
    caller must not change the tokenizer.

    If there is a tokenizer.json, that file alone decides: the library's tokenizer classes take the file's
    vocabulary, but replace its normaliser and pre-tokeniser with the usual ones of the architecture. Without
    the file, a sentencepiece model keeps its byte fallback.

    Raises:
        RequestError: if there is no tokenizer, or the tokenizer is slow, or it needs code of its own or a
            package that is not installed.
    """
    if not any(any(folder.glob(pattern)) for pattern in FILES):
        raise RequestError(f"{folder}: no tokenizer; there is none of {', '.join(FILES)}")
    files = ((path.name, path.stat()) for path in sorted(folder.iterdir()) if path.is_file())
    seen = tuple((name, stat.st_ino, stat.st_size, stat.st_mtime_ns) for name, stat in files)
    tokenizer = _load(folder.absolute(), seen)
    tokenizer.backend_tokenizer.no_padding()  # a call that sets padding or truncation leaves it set
    tokenizer.backend_tokenizer.no_truncation()
    return tokenizer


@lru_cache(maxsize=4)
def _load(folder: Path, seen: tuple[Any, ...]) -> PreTrainedTokenizerBase:
    file = folder / "tokenizer.json"
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        stated = Tokenizer.from_file(str(file)) if file.is_file() else None
    except Exception as error:  # damaged files raise a different error in each format
        raise RequestError(f"{folder}: its tokenizer cannot be loaded: {first_line(error)}") from None
    if not tokenizer.is_fast:
        raise RequestError(f"{folder}: its tokenizer is not a fast one (no tokenizer.json can be made of it)")
    if stated is None:
        stated = _with_byte_fallback(tokenizer.backend_tokenizer)
    if stated is not None and _differ(stated, tokenizer.backend_tokenizer):
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=stated,
            model_max_length=tokenizer.model_max_length,
            truncation_side=tokenizer.truncation_side,
            split_special_tokens=tokenizer.split_special_tokens,
            model_input_names=tokenizer.model_input_names,
            **tokenizer.special_tokens_map,
        )
    return tokenizer


def loses_bytes(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether the vocabulary has a token for every byte, and the tokenizer never uses them.

    Such a tokenizer gives one unknown token for a word that the model was trained to read as bytes.
    """
    model = definition(tokenizer.backend_tokenizer)["model"]
    return model.get("byte_fallback") is False and tokenizer.get_vocab().keys() >= BYTES


def _with_byte_fallback(tokenizer: Tokenizer) -> Tokenizer | None:
    """`tokenizer` with the byte fallback that its sentencepiece model has; None if it has none.

    The library does not carry the fallback over when it makes a fast tokenizer of a sentencepiece model.
    """
    parts = json.loads(tokenizer.to_str())
    if parts["model"].get("byte_fallback") is not False or not tokenizer.get_vocab().keys() >= BYTES:
        return None
    parts["model"]["byte_fallback"] = True
    return Tokenizer.from_str(json.dumps(parts))


def check_same_tokenizer(folder: Path, base: Path) -> None:
    """Check that the tokenizers in both folders give the same ids: vocabulary, special tokens, probe texts.

    Raises:
        RequestError: if the tokenizers differ; the message names the difference.
    """
    one, other = load_tokenizer(folder), load_tokenizer(base)
    vocabulary, base_vocabulary = one.get_vocab(), other.get_vocab()
    if vocabulary != base_vocabulary:
        different = len(vocabulary.items() ^ base_vocabulary.items())
        raise RequestError(f"{folder}: its tokenizer is not the base model's: {different} tokens differ")
    if one.special_tokens_map != other.special_tokens_map:
        raise RequestError(f"{folder}: its tokenizer has other special tokens than the base model's")
    for text in PROBES:
        if one(text)["input_ids"] != other(text)["input_ids"]:
            raise RequestError(f"{folder}: its tokenizer is not the base model's: {text!r} gets other ids")


def _differ(one: Tokenizer, other: Tokenizer) -> bool:
    for each in (one, other):
        each.no_padding()
        each.no_truncation()
    return one.to_str() != other.to_str() and definition(one) != definition(other)


def definition(tokenizer: Tokenizer) -> dict[str, Any]:
    """All that decides which ids a text gets, without the padding and truncation that are set."""
    parts = json.loads(tokenizer.to_str())
    return {name: part for name, part in parts.items() if name not in ("padding", "truncation")}
