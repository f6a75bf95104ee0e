"""Which code a study runs on, without importing the libraries or needing git."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from study.planning import versions
from study.planning.versions import code_version, library_versions

ROOT = Path(__file__).parents[2]


def test_versions_are_those_that_are_installed() -> None:
    found = library_versions()
    assert found["python"] == platform.python_version()
    assert found["optuna"] == metadata.version("optuna")
    assert set(found) == {"python", "kdstudy", "torch", "transformers", "ray", "optuna", "mlflow"}


def test_a_missing_package_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "PACKAGES", ("no-such-package-of-this-name",))
    assert library_versions()["no-such-package-of-this-name"] is None


@pytest.mark.processes
def test_no_library_is_imported_for_its_version() -> None:
    script = """
import json, sys
from study.planning.versions import library_versions
library_versions()
print(json.dumps(sorted({"torch", "transformers", "ray", "optuna", "mlflow"} & set(sys.modules))))
"""
    answer = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True, timeout=300
    )
    assert json.loads(answer.stdout) == []


@pytest.mark.processes
def test_without_git_the_code_version_is_unknown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    code_version.cache_clear()
    assert code_version() == "unknown"
    code_version.cache_clear()
