"""A study's experiment in MLflow: found by the study's id, whatever has happened to its name."""

from __future__ import annotations

from mlflow import MlflowClient
from mlflow.entities import Experiment, ViewType

from study.errors import RequestError

__all__ = ["NAME", "STUDY", "find_experiment"]

STUDY = "kdstudy.study"
"""The tag of an experiment, and of each of its runs: the id of the study."""
NAME = "kdstudy.name"
"""The tag of an experiment: the name of the study. The experiment itself may be renamed in MLflow's UI."""


def find_experiment(client: MlflowClient, name: str, study_id: str | None) -> Experiment | None:
    """Return the experiment of the study `study_id`, perhaps a deleted one; None if there is none.

    An experiment that was renamed is found by its tag; if its tag was removed, by its name and its runs. A
    study that was split over two experiments has the active one, then the one of its name, then the older.

    Raises:
        RequestError: if there is none, and the `name` belongs to another study or to nobody.
    """
    if study_id is not None:
        query = f"tags.`{STUDY}` = '{study_id}'"
        if tagged := client.search_experiments(view_type=ViewType.ALL, filter_string=query):
            return min(
                tagged, key=lambda each: (each.lifecycle_stage, each.name != name, each.creation_time or 0)
            )
    found = client.get_experiment_by_name(name)
    if found is None:
        return None
    if study_id is not None and STUDY not in found.tags:
        query = f"tags.{STUDY} = '{study_id}'"
        if client.search_runs([found.experiment_id], query, ViewType.ALL, max_results=1):
            return found
    if found.lifecycle_stage == "deleted":
        raise RequestError(
            f"study {name}: a deleted experiment of another study has this name in MLflow; choose another "
            "--name, or delete that experiment for good: mlflow gc"
        )
    raise RequestError(f"study {name}: another study has this name in MLflow; choose another --name")
