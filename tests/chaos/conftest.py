"""What the chaos tests share: the command, a study that nobody disturbed, and what it is asked on."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.chaos.alone import Alone
from tests.chaos.chaos import LONG, NAME, REPORTS, SHORT, SPACE
from tests.chaos.whole import Whole
from tests.processes import Kdstudy, Running

LANGUAGES = ("eng", "swh")


@pytest.fixture(scope="session")
def kdstudy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kdstudy]:
    command = Kdstudy(tmp_path_factory.mktemp("chaos"), Path(sys.executable))
    yield command
    for running in command.running:
        running.kill()


@pytest.fixture(scope="session")
def base_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two layers of random weights, and a tokenizer that knows the task's words: accuracies differ, some are
    pruned. (Students that all guess would be equal whatever happened to them.)
    """
    import torch
    from transformers import RobertaConfig, RobertaForMaskedLM

    from study.trial.data.sources import load_task
    from study.trial.models.embedded import build_tokenizer

    folder = tmp_path_factory.mktemp("base model")
    tokenizer = build_tokenizer(list(load_task("phrasebook", LANGUAGES).splits["train"].texts))
    config = RobertaConfig(
        vocab_size=len(tokenizer),
        num_hidden_layers=2,
        hidden_size=32,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=130,
        type_vocab_size=1,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        RobertaForMaskedLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def trials(request: pytest.FixtureRequest) -> int:
    """Trials of each of the two arms; fewer if only the short form runs."""
    marks = {mark.name for test in request.session.items for mark in test.iter_markers()}
    return LONG if marks & {"slow", "chaos"} else SHORT


@pytest.fixture(scope="session")
def arguments(trials: int, base_model: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str | Path]:
    """Two languages of the embedded task, and a tiny base model."""
    space = tmp_path_factory.mktemp("space") / f"{NAME}.py"
    space.write_text(SPACE.replace(f"trials={LONG}", f"trials={trials}"), encoding="utf-8")
    return ["run", space, "--languages", ",".join(LANGUAGES), "--model", base_model]


@pytest.fixture(scope="session")
def begun(
    kdstudy: Kdstudy, arguments: list[str | Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Running, Path]:
    """The study that nobody disturbs, one trial at a time, and its home; its trials have just begun."""
    home = tmp_path_factory.mktemp("undisturbed") / "home"
    running = kdstudy.start(*arguments, "--home", home, "--concurrency", "1")
    running.wait_until(lambda: "] search" in running.stderr())
    return running, home


@pytest.fixture(scope="session")
def artifacts(begun: tuple[Running, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Base model, teacher and its outputs: a home that has them begins with the search."""
    return shutil.copytree(begun[1] / "artifacts", tmp_path_factory.mktemp("artifacts") / "artifacts")


@pytest.fixture(scope="session")
def undisturbed(begun: tuple[Running, Path], trials: int) -> Callable[[], Whole]:
    """The study that nobody disturbed, waited for: it runs beside the first one that somebody does."""

    @cache
    def wait() -> Whole:
        running, home = begun
        answer = running.finish(timeout=600)
        assert answer.code == 0, answer.err
        whole = Whole(home, NAME)
        assert whole.violations(2 * trials + 2) == []  # and a confirm run of each arm
        assert {record.outcome for record in whole.records} >= {"complete", "pruned"}
        return whole

    return wait


@pytest.fixture(scope="session")
def alone(begun: tuple[Running, Path]) -> Alone:
    """Trials run alone, for all tests: after the undisturbed study all that they read is there."""
    return Alone(begun[1] / "artifacts", REPORTS)
