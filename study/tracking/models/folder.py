"""A student as the folder of an MLflow model: safetensors and JSON alone, and versions that are exact.

The model's input is a table with the column `text`. If the column had no name, MLflow would read the texts as
Python values: the text `7` would become a number, and a very long text would raise an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow.transformers
import pandas as pd
from mlflow.models import Model, ModelSignature
from mlflow.types import ColSpec, DataType, Schema

from study.ledger.records import Record
from study.ledger.study import OpenStudy
from study.planning.versions import library_versions
from study.storage.attempts import student_folder
from study.tracking.models.students import preparation_of
from study.trial.data.task import Task, load_saved_task
from study.trial.export import write_student
from study.trial.models.loading import quiet
from study.trial.models.teacher import load_classifier
from study.trial.models.tokenizer import load_tokenizer

__all__ = ["write_model"]

TEXT = Schema([ColSpec(DataType.string, "text")])
SIGNATURES = {
    "text": ModelSignature(
        TEXT, Schema([ColSpec(DataType.string, "label"), ColSpec(DataType.double, "score")])
    ),
    "token": ModelSignature(TEXT, Schema([ColSpec(DataType.string)])),  # MLflow joins the tags of a text
}
NEEDED = ("torch", "transformers", "mlflow")


def write_model(study: OpenStudy, record: Record, scratch: Path) -> tuple[Path, Model]:
    """Write the student of `record`, whose weights are stored, as an MLflow model into the folder `scratch`.

    Returns the model's folder, and MLflow's description of the model.
    """
    kept = student_folder(study.trials / record.key, study.store.mirror)
    assert kept is not None
    preparation = preparation_of(study)
    plain, folder = scratch / "plain", scratch / "model"
    write_student(kept, record.config, preparation, plain)
    student, about = load_classifier(plain), Model()
    # In place of the scratch folder. It must be no name of the hub: MLflow would ask the hub for a license.
    student.name_or_path = f"{study.name}: {record.arm}"
    task = load_saved_task(preparation.inputs(record.config).task_folder)
    examples = list(_examples(task))
    with quiet():
        mlflow.transformers.save_model(
            {"model": student, "tokenizer": load_tokenizer(plain)},
            str(folder),
            task=f"{task.kind}-classification",
            mlflow_model=about,
            signature=SIGNATURES[task.kind],
            input_example=pd.DataFrame({"text": examples}),
            pip_requirements=list(_requirements()),
            metadata=_about(study, record),
            model_config={"truncation": True},
        )
    (folder / "LICENSE.txt").unlink(missing_ok=True)  # says that the hub has no license of this model
    return folder, about


def _examples(task: Task) -> Iterator[str]:
    """The first validation text of each language that has one."""
    split, seen = task.splits["validation"], set[int]()
    for text, language in zip(split.texts, split.languages.tolist(), strict=True):
        if language not in seen:
            seen.add(language)
            yield text


def _requirements() -> Iterator[str]:
    versions = library_versions()
    for name in NEEDED:
        yield f"{name}=={str(versions[name]).partition('+')[0]}"  # a build such as +cpu is on no index


def _about(study: OpenStudy, record: Record) -> dict[str, Any]:
    config = record.config.effective()
    return {"study": study.name, "arm": record.arm, "key": record.key, "config": config}
