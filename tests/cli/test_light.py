"""Light commands: the real command in a fresh interpreter loads none of the slow packages."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[2]
SLOW = {"torch", "transformers", "datasets", "ray", "mlflow", "optuna", "pandas", "scipy", "matplotlib"}
MODELS = {"torch", "transformers", "datasets"}
SCRIPT = """
import json, os, sys
os.execv = lambda *arguments: sys.exit(0)  # of `ui`, which becomes MLflow's server
from study.cli.app import main
try:
    main()
except SystemExit as end:
    code = end.code
print(json.dumps([code, sorted(set(%r) & set(sys.modules))]), file=sys.stderr)
"""
LIGHT = {
    "--help": SLOW,
    "--version": SLOW,
    "run --help": SLOW,
    "plan --help": SLOW,
    "spaces": SLOW,
    "tasks": SLOW,
    "settings": SLOW,
    "settings temperature": SLOW,
    "settings --markdown": SLOW,
    "ui --home {home}": SLOW,
    "status --home {home}": SLOW - {"optuna"},
    "status {name} --home {home} --json": SLOW - {"optuna"},
    "report {name} --home {home} --out {out}": {*MODELS, "ray", "mlflow"},
    "resume {name} --home {home}": {*MODELS, "ray"},
    "run nosuch": {"ray", "mlflow"},
    "run {space} {on} --home {home}": {"ray"},
}
"""Commands, and the packages that they do without."""


@pytest.mark.processes
@pytest.mark.parametrize("arguments", LIGHT)
def test_a_command_loads_no_slow_package(arguments: str, finished_study: Any, tmp_path: Path) -> None:
    study, without = finished_study, LIGHT[arguments]
    values = {"home": study.home.root, "name": study.name, "out": tmp_path / "out", "space": study.space}
    words = [word for part in arguments.split() for word in (study.on if part == "{on}" else [part])]
    answer = subprocess.run(
        [sys.executable, "-c", SCRIPT % sorted(SLOW), *(word.format(**values) for word in words)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    code, loaded = json.loads(answer.stderr.splitlines()[-1])
    assert code == (2 if "nosuch" in arguments else 0), answer.stderr
    assert set(loaded) & without == set()
