"""Which test texts a confirm run had correct: read from MLflow, by its client and from a home's files."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.record import artifacts as artifacts_module
from analysis.record.artifacts import read_artifacts
from analysis.record.design import correct_texts
from analysis.record.reading import merge
from analysis.record.source import Client, Database
from analysis.record.texts import parse_answers
from study.config import digest
from tests.analysis.recorded import runs_of

CORRECT = {"deu": [True, False, True] * 3 + [True], "yor": [False] * 10}


def content(correct: dict[str, list[bool]] = CORRECT, task: str = "a" * 64, split: str = "test") -> str:
    languages = {
        language: {"n": len(bits), "correct": base64.b64encode(np.packbits(bits).tobytes()).decode()}
        for language, bits in correct.items()
    }
    said = {"task": task, "split": split, "languages": languages}
    return json.dumps(said | {"digest": digest(said)})


def test_a_bit_is_read_for_each_text() -> None:
    answers = parse_answers(content().encode())
    assert answers is not None
    assert answers.task == "a" * 64
    assert {language: bits.tolist() for language, bits in answers.correct().items()} == CORRECT


@pytest.mark.parametrize(
    "spoilt",
    [
        "",
        "[]",
        "{}",
        content(split="validation"),
        content()[:-20],
        content().replace('"n": 10', '"n": 9', 1),
        content().replace('"languages"', '"language"'),
    ],
)
def test_what_is_damaged_or_of_another_split_is_no_answer(spoilt: str) -> None:
    assert parse_answers(spoilt.encode()) is None


def test_bits_that_do_not_fit_their_number_are_no_answer() -> None:
    said = {"task": "a", "split": "test", "languages": {"deu": {"n": 20, "correct": "AAA="}}}
    assert parse_answers(json.dumps(said | {"digest": digest(said)}).encode()) is None


def recorded(recorder: Any, **more: Any) -> None:
    """Two arms, two confirm runs each, of which only the second arm's have texts."""
    for arm in (0, 1):
        recorder.trial(arm, 0, 0.3)
        for seed in (1, 2):
            texts = content(**more) if arm else None
            recorder.trial(arm, 0, 0.35, seed=seed, test=0.3 + seed / 100, texts=texts)
    recorder.tracker.finish()


def test_the_record_has_the_texts_of_each_run_and_their_number(recorder: Any) -> None:
    recorded(recorder)
    record = recorder.read()
    assert record.text_counts == {"deu": 10, "yor": 10}
    assert set(record.scores["metric"]) == {"accuracy", "macro_f1", "retention"}
    found = correct_texts(record)
    assert set(found) == {("init=teacher", 1), ("init=teacher", 2)}
    assert found["init=teacher", 1]["deu"].tolist() == CORRECT["deu"]


def test_a_record_without_texts_is_read_as_before(recorder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An older version's: no request is made for what no run can have."""
    recorder.trial(0, 0, 0.3)
    recorder.trial(0, 0, 0.35, seed=1, test=0.4)
    for stored in recorder.tracker.runs.client.stored.values():
        stored["metrics"] = {k: v for k, v in stored["metrics"].items() if "/texts/" not in k}
    recorder.tracker.finish()
    monkeypatch.setattr(recorder.tracker.runs.client, "download_artifacts", None)
    record = recorder.read()
    assert (record.text_counts, record.answers, correct_texts(record)) == ({}, {}, {})


def test_answers_to_texts_of_several_tasks_are_not_compared(recorder: Any) -> None:
    recorder.trial(0, 0, 0.3)
    for seed, task in ((1, "a"), (2, "b")):
        recorder.trial(0, 0, 0.35, seed=seed, test=0.4, texts=content(task=task))
    recorder.tracker.finish()
    record = recorder.read()
    assert len(record.answers) == 2
    assert correct_texts(record) == {}


class TestInADatabase:
    @pytest.fixture
    def mlflow_uri(self, tracking_uri: str) -> str:
        return tracking_uri

    def test_sql_and_the_client_read_the_same_texts(self, recorder: Any) -> None:
        recorded(recorder)
        name = recorder.plan.name
        by_sql, by_client = (merge([kind(recorder.uri, name)], name) for kind in (Database, Client))
        assert len(by_sql.answers) == 2
        assert by_sql.answers == by_client.answers
        assert by_sql.text_counts == by_client.text_counts

    def test_artifacts_that_are_gone_are_left_out(self, recorder: Any) -> None:
        recorded(recorder)
        run = runs_of(recorder, "confirm")[0]
        shutil.rmtree(Path(run.info.artifact_uri.removeprefix("file://")).parent.parent, ignore_errors=True)
        assert recorder.read().answers == {}


def test_a_home_that_was_moved_is_read_where_it_is(tmp_path: Path) -> None:
    """MLflow has absolute paths; the old place may be another user's by now."""
    for place, text in (("old", b"old"), ("new", b"new")):
        folder = tmp_path / place / "mlartifacts" / "run" / "artifacts"
        folder.mkdir(parents=True)
        (folder / "texts.json").write_bytes(text)
    uri = (tmp_path / "old" / "mlartifacts" / "run" / "artifacts").as_uri()
    assert read_artifacts({"r": uri}, "texts.json", str(tmp_path / "new"), _no_client) == {"r": b"new"}
    assert read_artifacts({"r": uri}, "texts.json", str(tmp_path), _no_client) == {"r": b"old"}
    assert read_artifacts({"r": uri}, "absent.json", str(tmp_path), _no_client) == {}


def _no_client() -> Any:
    raise AssertionError("the files are here")


def test_a_server_that_has_none_is_not_asked_for_all(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked = []

    class Away:
        def download_artifacts(self, run: str, name: str, folder: str) -> str:
            asked.append(run)
            raise ConnectionError("no route to the bucket")

    monkeypatch.setattr(artifacts_module, "AT_ONCE", 4)
    places = {f"run{number}": "s3://bucket/artifacts" for number in range(100)}
    assert read_artifacts(places, "texts.json", None, Away) == {}
    assert len(asked) == 4
    assert caplog.text.count("no route to the bucket") == 1
