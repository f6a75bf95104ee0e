"""A tokenizer does what its tokenizer.json says."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
from transformers import AutoTokenizer

from study.trial.models.tokenizer import load_tokenizer, loses_bytes


def test_the_file_decides_and_not_the_class_that_it_names(
    families: Callable[[str], Any], tmp_path: Path
) -> None:
    """The library's class for this architecture would leave out the lower-casing."""
    folder = shutil.copytree(families("xlm-roberta").raw, tmp_path / "copy")
    file, names = folder / "tokenizer.json", folder / "tokenizer_config.json"
    stated = json.loads(file.read_text())
    file.write_text(json.dumps(stated | {"normalizer": {"type": "Lowercase"}}))
    names.write_text(json.dumps(json.loads(names.read_text()) | {"tokenizer_class": "RobertaTokenizer"}))
    tokenizer = load_tokenizer(folder)
    assert tokenizer("Call ME").input_ids == tokenizer("call me").input_ids
    assert tokenizer.pad_token == "<pad>"
    tokenizer.save_pretrained(tmp_path / "saved")
    again = AutoTokenizer.from_pretrained(tmp_path / "saved")
    assert again("Call ME").input_ids == tokenizer("call me").input_ids


@pytest.mark.parametrize("text", ["hi", "call me a taxi please " * 20])
def test_padding_and_truncation_of_the_file_are_left_behind(
    families: Callable[[str], Any], tmp_path: Path, text: str
) -> None:
    folder = shutil.copytree(families("bert").raw, tmp_path / "copy")
    backend = AutoTokenizer.from_pretrained(folder).backend_tokenizer
    plain = backend.encode(text).ids
    backend.enable_truncation(8)
    backend.enable_padding(length=8)
    backend.save(str(folder / "tokenizer.json"))
    tokenizer = load_tokenizer(folder)
    assert tokenizer(text).input_ids == tokenizer.backend_tokenizer.encode(text).ids == plain


def write_sentencepiece(folder: Path, **options: Any) -> None:
    """A model of sentencepiece alone, as mDeBERTa has it, and the configuration of its type."""
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["book a quiet room in Lyon", "réserve une chambre calme à Lyon"] * 20),
        model_prefix=str(folder / "spm"),
        bos_piece="[CLS]",
        eos_piece="[SEP]",
        unk_piece="[UNK]",
        pad_piece="[PAD]",
        pad_id=0,
        bos_id=1,
        eos_id=2,
        unk_id=3,
        user_defined_symbols=["[MASK]"],
        minloglevel=2,
        **options,
    )
    (folder / "config.json").write_text('{"model_type": "deberta-v2"}')


def test_a_tokenizer_that_ships_only_its_sentencepiece_model_is_read(tmp_path: Path) -> None:
    """So does mDeBERTa, one of the paper's teachers."""
    write_sentencepiece(tmp_path, vocab_size=31)
    (tmp_path / "tokenizer_config.json").write_text('{"vocab_type": "spm"}')

    tokenizer = load_tokenizer(tmp_path)
    ids = tokenizer("a room in Lyon")["input_ids"]

    assert tokenizer.is_fast
    assert ids[0] == tokenizer.cls_token_id
    assert tokenizer.decode(ids, skip_special_tokens=True) == "a room in Lyon"


def test_a_sentencepiece_model_with_byte_fallback_gives_its_own_ids(tmp_path: Path) -> None:
    """So does mDeBERTa's. The library's conversion gives one unknown token for a word of another script."""
    write_sentencepiece(tmp_path, vocab_size=300, hard_vocab_limit=False, byte_fallback=True)
    (tmp_path / "tokenizer_config.json").write_text('{"vocab_type": "spm", "do_lower_case": false}')
    processor = sentencepiece.SentencePieceProcessor(model_file=str(tmp_path / "spm.model"))

    tokenizer = load_tokenizer(tmp_path)
    for text in ("a room in Lyon", "ዝናብ ፀሐይ", "quiet 🙂 chambre", "我想订一张去北京的票"):
        assert tokenizer(text)["input_ids"] == [1, *processor.encode(text), 2], text
    assert not loses_bytes(tokenizer)
    tokenizer.save_pretrained(tmp_path / "saved")  # as the store keeps it
    assert load_tokenizer(tmp_path / "saved")("ዝናብ")["input_ids"] == tokenizer("ዝናብ")["input_ids"]
