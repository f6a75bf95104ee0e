"""Where a run comes from: the data that it read, the command and the code that made it, its machine."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mlflow.data.code_dataset_source import CodeDatasetSource
from mlflow.data.huggingface_dataset_source import HuggingFaceDatasetSource
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric

from study.config import ALL, TrialConfig, digest
from study.errors import masked
from study.storage.artifacts import Store
from study.trial.data.fractions import sample_sizes
from study.trial.data.named import NAMED
from study.trial.data.sources import HUB, registered_tasks
from study.trial.data.tokens import load_encoded_split
from study.trial.inputs import Inputs
from study.trial.progress import Progress

__all__ = [
    *("COMMIT", "DIRTY", "SOURCE", "SOURCE_TYPE", "TaskData", "code_tags", "machine_tags", "source_tags"),
    "usage_rows",
]

SOURCE, SOURCE_TYPE = "mlflow.source.name", "mlflow.source.type"
COMMIT, DIRTY = "mlflow.source.git.commit", "mlflow.source.git.dirty"
CONTEXTS = {"train": "training", "validation": "validation", "test": "test"}
"""A split -> what MLflow's UI calls the use of a data set."""
DIGEST = 36  # characters that MLflow takes
SHARE = ("data_fraction", "data_seed", "label_floor")
"""The fields that choose a sample of the training split."""
COLUMNS = {"text": ("text", "label", "lang"), "token": ("tokens", "tags", "lang")}


def source_tags(command: str | None) -> dict[str, str]:
    """The tags that fill the column Source of MLflow's UI; none if the `command` is not on record.

    A study is a job. (Of a source of the type LOCAL the UI shows only what follows the last /.)
    """
    return {} if command is None else {SOURCE: masked(command), SOURCE_TYPE: "JOB"}


def code_tags(commit: Sequence[Any] | None) -> dict[str, str]:
    """The tags of a `commit`, as `code_commit` returns it; none if it is unknown."""
    return {} if commit is None else {COMMIT: str(commit[0]), DIRTY: str(bool(commit[1])).lower()}


def machine_tags(seen: Mapping[int, Mapping[str, Any]]) -> dict[str, str]:
    """The machine of a trial's newest report, and the commit of the driver; `seen`: as in `Journal.seen`."""
    if not seen:
        return {}
    newest = seen[max(seen)]
    machine = {f"kdstudy.machine.{name}": str(value) for name, value in newest.get("machine", {}).items()}
    return machine | code_tags(newest.get("commit"))


def usage_rows(report: Progress, seen: Mapping[str, Any] | None) -> list[Metric]:
    """The use of the machine until `report`, as MLflow's system metrics."""
    usage = (seen or {}).get("usage", {})
    return [Metric(f"system/{name}", value, report.time_ms, report.step) for name, value in usage.items()]


class TaskData:
    """The splits of a study's task in `store`, as inputs of MLflow's runs; the texts themselves are not read.

    source: the task as it was requested. MLflow takes two inputs of one name and one digest for the same
    data. The digest is the beginning of the task's fingerprint; of a share of the training split, it is the
    hash of fingerprint and share.
    """

    def __init__(self, store: Store, source: str) -> None:
        self.store, self.source = store, source
        self._known: dict[tuple[Any, ...], DatasetInput] = {}

    def of_trial(self, config: TrialConfig, phase: str) -> list[DatasetInput]:
        """What a trial reads: the training split or its share of it, validation; a confirm run reads test."""
        others = ("validation", "test") if phase == "confirm" else ("validation",)
        share = _share(config, config.data_fraction < 1, config.train_languages)
        return self._inputs(config, {"train": share} | {name: {} for name in others})

    def of_teacher(self, config: TrialConfig) -> list[DatasetInput]:
        """What the teacher of the trial `config` reads. What a given teacher was trained on is not known."""
        if config.teacher:
            return self._inputs(config, {"validation": {}})
        share = _share(config, Inputs(self.store, config).teacher_saw_same, config.teacher_languages)
        return self._inputs(config, {"train": share, "validation": {}})

    def _inputs(self, config: TrialConfig, read: Mapping[str, Mapping[str, Any]]) -> list[DatasetInput]:
        """The splits in `read`, each with its share; none if the task is not in the store."""
        if not self.store.path("tasks", config.task).is_dir():
            return []
        for split, share in read.items():
            key = (split, *share.values())
            if key not in self._known:
                self._known[key] = _input(Inputs(self.store, config), split, share, self.source)
        return [self._known[split, *share.values()] for split, share in read.items()]


def _share(config: TrialConfig, sampled: bool, languages: str) -> dict[str, Any]:
    """What chooses rows of the training split: the sample, if there is one, and the list of languages."""
    share = {name: getattr(config, name) for name in SHARE} if sampled else {}
    return share if languages == ALL else share | {"train_languages": languages}


def _input(inputs: Inputs, split: str, share: Mapping[str, Any], task_source: str) -> DatasetInput:
    """One split, or a `share` of it. The profile is short: MLflow sends it with each run of a list."""
    fingerprint, task = inputs.config.task, inputs.task
    source_type, source = _source(task_source)
    chosen = share.get("train_languages", ALL)
    languages = task.languages if chosen == ALL else chosen.split("+")
    profile = {
        "num_rows": _rows(inputs, split, share),
        **({"data_fraction": 1.0} | {k: v for k, v in share.items() if k != "train_languages"}),
        "num_languages": len(languages),
        "languages": " ".join(languages),
        "num_labels": len(task.labels),
        "task_fingerprint": fingerprint,
    }
    dataset = Dataset(
        name=f"{task.name} {split}",
        digest=(digest({"task": fingerprint, **share}) if share else fingerprint)[:DIGEST],
        source_type=source_type,
        source=json.dumps(source, ensure_ascii=False),
        schema=json.dumps(
            {"mlflow_colspec": [{"name": name, "type": "string"} for name in COLUMNS[task.kind]]}
        ),
        profile=json.dumps({k: v for k, v in profile.items() if v is not None}, ensure_ascii=False),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", CONTEXTS[split])])


def _source(task_source: str) -> tuple[str, dict[str, Any]]:
    """Where the task comes from, in MLflow's words: the hub, this program, or a folder."""
    if task_source in NAMED or task_source.startswith(HUB):
        named = NAMED[task_source].source.repository if task_source in NAMED else task_source
        repository, _, configuration = named.removeprefix(HUB).partition(":")
        there = HuggingFaceDatasetSource(masked(repository), config_name=configuration or None)
        return there._get_source_type(), there.to_dict()
    if task_source in {task.name for task in registered_tasks()}:
        here = CodeDatasetSource({SOURCE: f"kdstudy, task {task_source}"})
        return here._get_source_type(), here.to_dict()
    return "local", {"uri": masked(task_source)}


def _rows(inputs: Inputs, split: str, share: Mapping[str, Any]) -> int | None:
    """The rows of a split or of its share; None if the tokenised task is not in the store."""
    try:
        there = load_encoded_split(inputs.store.path("tokens", inputs.tokens_key), split)
    except (OSError, ValueError):
        return None
    if not share:
        return len(there)
    fraction, floor = share.get("data_fraction", 1.0), share.get("label_floor", 1)
    sizes = sample_sizes(there.sampled_by, there.languages, fraction, floor)
    chosen = share.get("train_languages", ALL)
    names = inputs.task.languages
    return sum(
        int(n) for n, name in zip(sizes, names, strict=False) if chosen == ALL or name in chosen.split("+")
    )
