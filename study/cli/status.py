"""How far a study is: true from any process, while it runs, after a kill, and with Ray gone."""

from __future__ import annotations

from typing import Any

from study.home import Home
from study.ledger.progress import summary
from study.ledger.study import OpenStudy
from study.tracking.journal import find_unsent, unsent_mark

__all__ = ["read_status"]


def read_status(home: Home, name: str) -> dict[str, Any]:
    """`summary` of a study in `home`, with its driver, what MLflow lacks, and why trials failed.

    Raises:
        RequestError: where there is no such study.
    """
    study = OpenStudy.at(home, name)
    plan, records = study.ledger.require_plan(), study.ledger.records()
    holder = study.driver()
    found = summary(plan, records, driver=None if holder is None else holder.holder)
    texts = {key: study.trials / key / "traceback.txt" for key in found["reasons"]}
    return found | {
        "driver": holder and {"host": holder.host, "pid": holder.pid, "since": holder.since},
        "unsent": 0 if holder else len(find_unsent(study.trials)),
        "study_unsent": holder is None and unsent_mark(study.folder).exists(),
        "tracebacks": {key: path.read_text("utf-8") for key, path in texts.items() if path.exists()},
    }
