"""A study that asks claim C1, and its report."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from analysis.record.study_record import StudyRecord
from analysis.report.write import write_report
from analysis.verdict.results import Results
from tests.analysis.invented import invented_study


@pytest.fixture(scope="session")
def claim_study() -> StudyRecord:
    """Init and alpha are asked, so claim C1 is a number."""
    study = invented_study({"init": ("random", "teacher"), "alpha": (0.2, 1.0)}, seeds=4, search=4)
    facts = study.facts | {"space": "/some/where/my_space.py", "concurrency": "7", "cluster": "slurm"}
    return dataclasses.replace(study, facts=facts)


@pytest.fixture(scope="session")
def written(claim_study: StudyRecord, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Path]]:
    out = tmp_path_factory.mktemp("written") / "deep" / "report"
    return out, write_report(Results(claim_study), out)
