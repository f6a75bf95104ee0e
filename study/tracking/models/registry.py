"""MLflow's model registry: the best student of a study under a name, with the alias `best`."""

from __future__ import annotations

import mlflow
from mlflow import MlflowClient
from mlflow.entities import LoggedModel
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.utils.validation import _validate_model_name

from study.errors import RequestError, first_line
from study.tracking.experiment import STUDY
from study.tracking.models.logged import ARM, KEY

__all__ = ["ALIAS", "check_name", "is_registered", "register"]

ALIAS = "best"


def check_name(name: str) -> None:
    """Check that MLflow takes `name` for a registered model.

    Raises:
        RequestError: if MLflow refuses the name.
    """
    try:
        _validate_model_name(name)
    except MlflowException as error:
        raise RequestError(f"--register {name!r}: {first_line(error)}") from None


def is_registered(client: MlflowClient, name: str, model: LoggedModel) -> bool:
    """Return whether the alias `best` of the registered model `name` leads to `model`."""
    version = _version_of(client, name, model)
    aliases = {} if version is None else client.get_registered_model(name).aliases
    return version is not None and str(aliases.get(ALIAS)) == str(version.version)


def register(client: MlflowClient, uri: str, name: str, model: LoggedModel) -> None:
    """Let the alias `best` of the registered model `name` lead to `model`.

    A version is made if none has this model. For a process of its own: MLflow's URI of the process changes.
    """
    version = _version_of(client, name, model)
    if version is None:
        mlflow.set_tracking_uri(uri)
        tags = {each: model.tags[each] for each in (STUDY, ARM, KEY)}
        version = mlflow.register_model(_source(model), name, tags=tags)
    client.set_registered_model_alias(name, ALIAS, version.version)


def _version_of(client: MlflowClient, name: str, model: LoggedModel) -> ModelVersion | None:
    """The oldest version of the registered model `name` that is `model`; None if there is none."""
    found = client.search_model_versions(f"run_id = '{model.source_run_id}'")
    ours = [each for each in found if each.name == name and each.source == _source(model)]
    return min(ours, key=lambda each: int(each.version), default=None)


def _source(model: LoggedModel) -> str:
    return f"models:/{model.model_id}"
