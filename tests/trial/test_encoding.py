"""The task in token ids: the same texts in the ids of a trimmed vocabulary."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from study.trial import encoding
from study.trial.data.tokens import load_encoded_split
from study.trial.models.tokenizer import load_tokenizer

SPLITS = ("train", "validation", "test")


def test_the_splits_are_the_same_texts_in_new_ids(workshop: Any, config: Any) -> None:
    trimmed, whole = workshop.inputs(config), workshop.inputs(config, full_vocabulary=True)
    tokenizer, kept = load_tokenizer(trimmed.base_folder), trimmed.vocabulary.kept
    occur: set[int] = set(tokenizer.all_special_ids)
    for name in SPLITS:
        ours, theirs = trimmed.split(name), whole.split(name)
        assert np.array_equal(kept[ours.ids], theirs.ids)
        assert np.array_equal(ours.offsets, theirs.offsets)
        assert np.array_equal(ours.labels, theirs.labels)
        assert np.array_equal(ours.languages, theirs.languages)
        occur |= set(theirs.ids.tolist())
    assert set(kept.tolist()) == occur
    assert len(kept) < len(tokenizer)
    assert trimmed.pad_id == whole.pad_id == tokenizer.pad_token_id


def test_a_base_model_that_needs_all_its_tokens_leaves_the_reason_alone(
    workshop: Any, config: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoding, "why_not_trimmable", lambda *_: "it needs them")
    encoding.write_vocabulary(workshop.inputs(config), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["about.json"]
    assert json.loads((tmp_path / "about.json").read_text()) == {"why not trimmed": "it needs them"}


def test_texts_are_cut_at_the_configured_length(workshop: Any, tmp_path: Path) -> None:
    inputs = workshop.inputs(workshop.config(max_length=5))
    encoding.write_tokens(inputs, tmp_path)
    lengths = load_encoded_split(tmp_path, "train").lengths
    whole = inputs.split("train")
    assert lengths.max() == 5
    assert np.array_equal(lengths, whole.lengths)
