"""A tiny task that can be learnt, and a tiny base model: a whole study of them takes seconds."""

from __future__ import annotations

import gc
import json
import logging
import os
import random
import sys
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from study.planning.versions import code_version
from tests.lanes import alone_in_this_process, is_long, is_quick, longest_first

if TYPE_CHECKING:  # torch takes seconds to import, and not every test needs it
    from study.config import TrialConfig
    from study.ledger.ledger import Ledger
    from study.planning.plan import Plan
    from study.storage.artifacts import Store
    from study.trial.data.task import Task
    from study.trial.inputs import Inputs
    from study.trial.progress import Progress
    from tests.s3 import S3

# Ray reads this when it is imported. "token" is what Ray's local clusters use anyway; a Ray that runs already
# (`on_ray`) is attached to in the same process.
os.environ.setdefault("RAY_AUTH_MODE", "token")

LANGUAGES = ("deu", "hau", "yor")
LABELS = ("alarm", "music", "news", "weather")
SYLLABLES = {"deu": "bä dö ka li mu rü sta to", "yor": "bọ́ dẹ̀ gbà kú ní ṣé tà wọ̀"}
ROWS = {"train": 20, "dev": 6, "test": 8}  # of each label in each language
TAGGED_ROWS = {"train": 80, "dev": 24, "test": 32}  # sentences of each language
BuildTask = Callable[..., Path]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", dest="quick", help="the fast lane: no process, no Ray")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """The fast lane does not import the files that take long."""
    return True if config.getoption("quick") and is_long(collection_path) else None


@pytest.hookimpl(trylast=True)  # once `-m` has chosen
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The fast lane leaves out what starts processes or takes long; otherwise the long files come first.

    A file goes to one of pytest's workers as a whole, and a long one at the end would leave the other worker
    without work. The first file makes the finished study that other files wait for.
    """
    if config.getoption("quick"):
        code_version()  # asks git, once for this process
        config.hook.pytest_deselected(items=[item for item in items if not is_quick(item)])
        items[:] = [item for item in items if is_quick(item)]
    else:
        items[:] = longest_first(items)


def pytest_collection_finish() -> None:
    """Take what was imported out of Python's garbage collection: a million objects that stay to the end."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.fixture(autouse=True)
def alone_if_quick(request: pytest.FixtureRequest) -> Iterator[None]:
    """In the fast lane no test starts a process or Ray."""
    with alone_in_this_process() if request.config.getoption("quick") else nullcontext():
        yield


@pytest.fixture(autouse=True)
def nothing_is_left_where_the_tests_run() -> Iterator[None]:
    """MLflow, for one, makes a store in the working folder where it is told of no other."""
    before = set(os.listdir())
    yield
    assert not [name for name in set(os.listdir()) - before if not name.startswith((".", "bench-results"))]


@pytest.fixture(autouse=True)
def logging_stays_as_it_was() -> Iterator[None]:
    """The command in this process sets levels, a factory of records, and hooks for errors and warnings."""
    loggers = [logging.getLogger(name) for name in ("study", "transformers", None)]
    hooks = sys.excepthook, threading.excepthook
    before = [logger.level for logger in loggers], logging.getLogRecordFactory()
    yield
    levels, factory = before
    sys.excepthook, threading.excepthook = hooks
    logging.captureWarnings(False)
    logging.setLogRecordFactory(factory)
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


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
            lines: list[dict[str, str]] = []
            for language in languages:
                for label in labels:
                    for number in range(0 if (name, language) in without else count):
                        text = _text(
                            language, label, random.Random(f"{seed} {name} {language} {label} {number}")
                        )
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
def build_tagged_folder(tmp_path_factory: pytest.TempPathFactory) -> BuildTask:
    """Writes a folder of CoNLL files, `LANGUAGE/train.conll` and so on: names of people and places in BIO.

    `rows`: sentences of each language, by file name. Words are those of the tiny task, so that the tiny base
    model's tokenizer knows them. Each type has names of two words and of one word.
    """

    def build(
        folder: Path | None = None,
        languages: Sequence[str] = LANGUAGES,
        rows: Mapping[str, int] = TAGGED_ROWS,
    ) -> Path:
        folder = folder or tmp_path_factory.mktemp("tagged")
        for language in languages:
            (folder / language).mkdir(parents=True, exist_ok=True)
            for name, count in rows.items():
                sentences = [_tagged(language, random.Random(f"{name} {language} {n}")) for n in range(count)]
                lines = ("\n".join(f"{word}\t{tag}" for word, tag in each) for each in sentences)
                (folder / language / f"{name}.conll").write_text("\n\n".join(lines) + "\n", encoding="utf-8")
        return folder

    return build


def _tagged(language: str, draw: random.Random) -> list[tuple[str, str]]:
    """Some words, and one or two names among them."""
    found = [(_word(language, f"common {draw.randrange(12)}"), "O") for _ in range(draw.randint(2, 4))]
    for _ in range(draw.randint(0, 2)):
        kind, label = draw.choice((("PER", "alarm"), ("LOC", "music")))
        name = [(_word(language, f"{label} 0"), f"B-{kind}")]
        name += [(_word(language, f"{label} 1"), f"I-{kind}")] if draw.random() < 0.5 else []
        at = draw.choice([0, len(found)])  # not within another name
        found[at:at] = [*name, (_word(language, f"common {draw.randrange(12)}"), "O")]
    return found


@pytest.fixture(scope="session")
def tagged_folder(build_tagged_folder: BuildTask, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three languages with 80 training sentences each: people and places."""
    return build_tagged_folder(tmp_path_factory.mktemp("tagged") / "names")


@pytest.fixture(scope="session")
def build_model_folder(task_folder: Path) -> Callable[..., Path]:
    """Writes a RoBERTa with random weights and a tokenizer learnt from the tiny task's texts."""
    import torch
    from transformers import RobertaConfig, RobertaForMaskedLM

    from study.trial.models.embedded import build_tokenizer

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


@pytest.fixture(scope="session")
def base_folder(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny base model as trials read it: its encoder alone, without the masked-LM head."""
    from study.trial.models.encoder import import_encoder

    folder = tmp_path_factory.mktemp("base")
    import_encoder(str(model_folder), folder)
    return folder


@dataclass(frozen=True)
class Workshop:
    """A store that holds the tiny task and base model; trials and their inputs are made in it."""

    store: Store
    task: Task
    model: str

    def config(self, **values: Any) -> TrialConfig:
        """A quick trial of the tiny student, its teacher good at the task."""
        from study.config import TrialConfig

        fixed = {"task": self.task.fingerprint, "model": self.model, "model_layers": 4, "depth": 2}
        recipe = {"learning_rate": 2e-3, "steps": 12, "batch_size": 16}
        teacher = {"teacher_learning_rate": 3e-3, "teacher_steps": 120, "teacher_batch_size": 16}
        return TrialConfig(**fixed | recipe | teacher | values)

    def inputs(
        self,
        config: TrialConfig,
        splits: Sequence[str] = ("train", "validation", "test"),
        full_vocabulary: bool = False,
    ) -> Inputs:
        """What the trial `config` reads, built where it is not there."""
        from study.trial.prepare import Preparation

        return Preparation(self.store, full_vocabulary=full_vocabulary).build(config, splits)

    def trial(
        self,
        config: TrialConfig,
        folder: Path,
        reports: int = 4,
        test: bool = True,
        full_vocabulary: bool = False,
        **others: Any,
    ) -> Iterator[Progress]:
        """One more attempt at the trial `config` in `folder`, its inputs built first.

        others: further fields of `TrialJob`.
        """
        from study.storage.attempts import attempt_folders
        from study.trial.job import TrialJob
        from study.trial.trial import run_trial

        self.inputs(config, full_vocabulary=full_vocabulary)
        attempt = len(attempt_folders(folder)) + 1
        job = TrialJob(config, self.store, folder, reports, test, 1, attempt, full_vocabulary, **others)
        return run_trial(job)


@pytest.fixture(scope="session")
def new_workshop(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Workshop]:
    """`new_workshop(task folder)`: a store of its own with that task and the tiny base model."""
    import torch

    from study.planning.base_model import store_model
    from study.storage.artifacts import Store
    from study.trial.data.sources import load_task
    from study.trial.prepare import Preparation

    def build(task_folder: Path) -> Workshop:
        torch.set_num_threads(1)
        store, task = Store(tmp_path_factory.mktemp("store")), load_task(str(task_folder))
        Preparation(store).store_task(task)
        model = store_model(store, str(model_folder), 1)
        assert model.fingerprint is not None
        return Workshop(store, task, model.fingerprint)

    return build


@pytest.fixture(scope="session")
def workshop(new_workshop: Callable[[Path], Workshop], task_folder: Path) -> Workshop:
    """Shared by all tests: what one of them builds is there for the others."""
    return new_workshop(task_folder)


@pytest.fixture(scope="session")
def tagged_workshop(new_workshop: Callable[[Path], Workshop], tagged_folder: Path) -> Workshop:
    """The same for a token task."""
    return new_workshop(tagged_folder)


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    """Started once for all tests that need it."""
    from tests.s3 import S3

    server = S3(tmp_path_factory.mktemp("s3") / "log")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def s3(s3_server: S3, monkeypatch: pytest.MonkeyPatch) -> S3:
    """An S3 on loopback, which this process and those it starts find in their environment."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    return s3_server


# Of the engine: plans, ledgers and MLflow, with neither a task nor a model behind them.


@pytest.fixture(scope="session")
def make_plan() -> Callable[..., Plan]:
    """A plan in seed block 0; the keywords are its search space's, or a plan's `seed_block` and so on.

    Tasks and models are names only: nothing reads them. The task has texts in all of `LANGUAGES`.
    """
    from study.planning.languages import OfTask
    from study.planning.plan import ModelFacts, Plan
    from study.space import Range, SearchSpace

    def make(
        name: str = "demo", task: str = "a" * 64, model: str = "b" * 64, teacher: str = "", **roles: Any
    ) -> Plan:
        rate = {"learning_rate": Range(low=1e-4, high=1e-2, log=True)}
        defaults = {"question": "why?", "nuisance": rate, "trials": 4, "confirm_seeds": 2, "reports": 3}
        defaults |= {"sampler": "tpe"}
        own = {"seed_block": 0} | {k: roles.pop(k) for k in roles.keys() & Plan.model_fields.keys()}
        space = SearchSpace(**defaults | roles)
        of_task = OfTask(task, LANGUAGES, LANGUAGES)
        plan = Plan.make(name, space, of_task, ModelFacts(model, 6, 1e-3), teacher, {"space": "demo"})
        return plan.model_copy(update=own)

    return make


@pytest.fixture(scope="session")
def fast_sqlite() -> None:
    """SQLite without waiting for the disk: tests kill processes, never the power."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    @event.listens_for(Engine, "connect")
    def hurry(connection: Any, record: Any) -> None:
        connection.execute("PRAGMA synchronous = OFF")


@pytest.fixture
def open_ledger(fast_sqlite: None, tmp_path: Path) -> Callable[..., Ledger]:
    """`open_ledger(plan, database)`: the ledger as a new process finds it, opened and mended."""
    from study.ledger.ledger import Ledger

    def open_(plan: Plan, database: str = "optuna") -> Ledger:
        ledger = Ledger(f"sqlite:///{tmp_path / database}.db", plan.name)
        ledger.open(plan)
        ledger.mend()
        return ledger

    return open_


@pytest.fixture(scope="session")
def tracking_uri(fast_sqlite: None, tmp_path_factory: pytest.TempPathFactory) -> str:
    """One MLflow database for all tests, each with experiments of its own: making one takes seconds."""
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}"


@pytest.fixture(scope="session")
def make_report() -> Callable[..., Progress]:
    """`make_report(number, value)`: a report as a trial makes it, three steps an interval.

    `outcome` makes it the last one, with a result. The languages score `value` and a tenth more. seen: the
    languages that the student is trained on; None: all.
    """

    from study.trial.scores import add_groups

    def scores(value: float, languages: Sequence[str], seen: Sequence[str] | None) -> dict[str, Any]:
        each = {name: value + (0.1 if index % 2 else 0.0) for index, name in enumerate(languages)}
        mean = sum(each.values()) / len(each)
        over = {"macro": mean, "worst": min(each.values()), "by_language": each}
        found = {"accuracy": over, "macro_f1": over, "retention": over, "n": dict.fromkeys(each, 10)}
        return found if seen is None else add_groups(found, seen)

    def make(
        number: int,
        value: float | None,
        outcome: str | None = None,
        test: float | None = None,
        languages: Sequence[str] = ("deu", "yor"),
        seen: Sequence[str] | None = None,
    ) -> Progress:
        from study.trial.progress import Progress

        validation = None if value is None else scores(value, languages, seen)
        result = {
            "outcome": outcome,
            "seconds": 1.5,
            "steps": 3 * number,
            "parameters": 1000,
            "test": None if test is None else scores(test, languages, seen),
            "numerics": {"device": "cpu", "threads": 1},
            "other_numerics_of_teacher": {},
            "other_numerics_before": {},
        }
        if seen is not None:
            share = {name: float(name in seen) for name in languages}
            result |= {"data_share": {"all": 1.0, "by_language": share}}
        return Progress(
            report=number,
            time_ms=1_700_000_000_000 + number,
            step=3 * number,
            loss=None if value is None else 1 - value,
            seconds=0.5 * number,
            validation=validation,
            result=result if outcome else None,
        )

    return make
