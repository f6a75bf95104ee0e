"""How far a study is: true from any process, while it runs, after a kill, and with Ray gone."""

from __future__ import annotations

from typing import Any

from study.home import Home
from study.ledger.lease import holder_of, is_alive
from study.ledger.ledger import Ledger
from study.ledger.progress import summary
from study.tracking.journal import find_unsent, unsent_mark

__all__ = ["read_status"]


def read_status(home: Home, name: str) -> dict[str, Any]:
    """`summary` of a study in `home`, with its driver, what MLflow lacks, and why trials failed.

    Raises:
        RequestError: where there is no such study.
    """
    urls = home.urls(name)
    ledger = Ledger(urls["ledger_url"], name)
    plan = ledger.require_plan()
    engine = ledger.storage.engine
    holder = holder_of(engine, name)
    if holder is not None and not is_alive(engine, name, holder):
        holder = None
    found = summary(plan, ledger.records(), driver=None if holder is None else holder.holder)
    trials = home.trials(name)
    texts = {key: trials / key / "traceback.txt" for key in found["reasons"]}
    return found | {
        "driver": holder and {"host": holder.host, "pid": holder.pid, "since": holder.since},
        "unsent": 0 if holder else len(find_unsent(trials)),
        "study_unsent": holder is None and unsent_mark(home.study(name)).exists(),
        "tracebacks": {key: path.read_text("utf-8") for key, path in texts.items() if path.exists()},
    }
