"""A tiny task that can be learnt, and a tiny base model: a whole study of them takes seconds."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import pytest

LANGUAGES = ("deu", "hau", "yor")
LABELS = ("alarm", "music", "news", "weather")
SYLLABLES = {"deu": "bä dö ka li mu rü sta to", "yor": "bọ́ dẹ̀ gbà kú ní ṣé tà wọ̀"}
ROWS = {"train": 20, "dev": 6, "test": 8}  # of each label in each language
BuildTask = Callable[..., Path]


@pytest.fixture(scope="session")
def build_task_folder(tmp_path_factory: pytest.TempPathFactory) -> BuildTask:
    """Writes a task folder: each label has two words of its own in each language, among common ones.

    `rows`: of each label in each language, by file name. `without`: (file name, language) without rows.
    """

    def build(
        folder: Path | None = None,
        languages: Sequence[str] = LANGUAGES,
        labels: Sequence[str] = LABELS,
        rows: Mapping[str, int] = ROWS,
        without: Collection[tuple[str, str]] = (),
        ids: bool = False,
        seed: int = 0,
    ) -> Path:
        folder = folder or tmp_path_factory.mktemp("task")
        folder.mkdir(parents=True, exist_ok=True)
        seen: set[str] = set()
        for name, count in rows.items():
            lines = []
            for language in languages:
                for label in labels:
                    for number in range(0 if (name, language) in without else count):
                        text = _text(language, label, random.Random(f"{seed} {name} {language} {label} {number}"))
                        while text in seen:
                            text += " " + text.split()[0]
                        seen.add(text)
                        row = {"text": text, "label": label, "lang": language}
                        lines.append(row | ({"id": f"{name}-{len(lines)}"} if ids else {}))
            random.Random(f"{seed} {name}").shuffle(lines)
            content = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
            (folder / f"{name}.jsonl").write_text(content, encoding="utf-8")
        return folder

    return build


def _text(language: str, label: str, draw: random.Random) -> str:
    words = [_word(language, f"common {draw.randrange(12)}") for _ in range(draw.randint(2, 5))]
    words.insert(draw.randrange(len(words) + 1), _word(language, f"{label} {draw.randrange(2)}"))
    return " ".join(words)


def _word(language: str, meaning: str) -> str:
    draw = random.Random(f"{language} {meaning}")
    return "".join(draw.choice(SYLLABLES.get(language, "ba da ki lo mu na ri su").split()) for _ in range(3))


@pytest.fixture(scope="session")
def task_folder(build_task_folder: BuildTask, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three languages, four labels, 240 training rows."""
    return build_task_folder(tmp_path_factory.mktemp("task") / "errands")


@pytest.fixture(scope="session")
def build_model_folder(task_folder: Path) -> Callable[..., Path]:
    """Writes a RoBERTa with random weights and a tokenizer learnt from the tiny task's texts."""
    import torch
    from transformers import RobertaConfig, RobertaForMaskedLM

    from study.trial.models import build_tokenizer

    rows = [json.loads(line) for line in (task_folder / "train.jsonl").read_text("utf-8").splitlines()]
    tokenizer = build_tokenizer([row["text"] for row in rows])

    def build(folder: Path, layers: int = 4, hidden: int = 32, seed: int = 0) -> Path:
        config = RobertaConfig(
            vocab_size=len(tokenizer),
            num_hidden_layers=layers,
            hidden_size=hidden,
            num_attention_heads=4,
            intermediate_size=2 * hidden,
            max_position_embeddings=130,
            type_vocab_size=1,
        )
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            RobertaForMaskedLM(config).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return folder

    return build


@pytest.fixture(scope="session")
def model_folder(build_model_folder: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four layers of 32."""
    return build_model_folder(tmp_path_factory.mktemp("model") / "tiny")
