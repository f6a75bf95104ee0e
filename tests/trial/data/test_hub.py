"""Data sets on the hub, on small repositories of the same layout in an offline hub cache."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from datasets import ClassLabel, Dataset, Features, Value

from study.errors import RequestError
from study.trial.data.checks import build_task
from study.trial.data.hub import HubData, hub_rows
from study.trial.data.named import NAMED
from study.trial.data.sources import load_task

SPLITS = ("train", "validation", "test")


def lines(rows: Any) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def rows(split: str, language: str, **columns: Any) -> list[dict[str, Any]]:
    """Two labels; a column is renamed by its old name, or left out by None, or added."""
    names = {"text": "text", "label": "label", "lang": "lang"} | columns
    found = [
        {"text": f"{split} {language} {label}", "label": label, "lang": language} for label in ("no", "yes")
    ]
    return [{names[key]: value for key, value in row.items() if names[key]} for row in found]


def card(configurations: dict[str, dict[str, str]]) -> str:
    """The README that says which files make which configuration."""
    configs = [
        {"config_name": name, "data_files": [{"split": split, "path": path} for split, path in files.items()]}
        for name, files in configurations.items()
    ]
    return f"---\n{json.dumps({'configs': configs})}\n---\nA data set.\n"


def each_language(languages: Any, suffix: str = "jsonl", **columns: Any) -> dict[str, str]:
    """A repository with a configuration for each language, and the files of each."""
    files = {name: {s: f"data/{name}/{s}.{suffix}" for s in SPLITS} for name in languages}
    content = {files[name][s]: lines(rows(s, name, **columns)) for name in languages for s in SPLITS}
    return {"README.md": card(files), **content}


def parquet(table: dict[str, Any], classes: list[str] | None = None) -> bytes:
    kinds = {name: Value("string") for name in table}
    if classes:
        kinds["label"] = ClassLabel(names=classes)
    out = io.BytesIO()
    Dataset.from_dict(table, features=Features(kinds)).to_parquet(out)
    return out.getvalue()


def refusal(source: str, **options: Any) -> str:
    with pytest.raises(RequestError) as refused:
        load_task(source, **options)
    message = str(refused.value)
    assert len(message.splitlines()) == 1
    assert message.startswith(source[:12])
    return message


def test_one_table_with_a_language_column(hub: Callable[..., Path]) -> None:
    hub("org/one", {f"{s}.jsonl": lines(rows(s, "de") + rows(s, "sw")) for s in SPLITS})
    task = load_task("hub:org/one")
    assert (task.name, task.labels, task.languages) == ("org/one", ("no", "yes"), ("de", "sw"))
    assert task.splits["test"].texts == ("test de no", "test de yes", "test sw no", "test sw yes")
    assert load_task("hub:org/one", ["sw"]).splits["test"].texts == ("test sw no", "test sw yes")


def test_configurations_without_a_language_column_are_languages(hub: Callable[..., Path]) -> None:
    hub("org/many", each_language(["sw", "de"], lang=None))
    task = load_task("hub:org/many")
    assert task.languages == ("de", "sw")
    assert task.splits["train"].texts == ("train de no", "train de yes", "train sw no", "train sw yes")
    assert load_task("hub:org/many:sw").fingerprint == load_task("hub:org/many", ["sw"]).fingerprint


def test_a_named_configuration_is_read_alone(hub: Callable[..., Path]) -> None:
    hub("org/many", each_language(["topic", "mood"]))
    assert load_task("hub:org/many:mood").name == "org/many:mood"
    message = refusal("hub:org/many")
    assert "its configurations have a column lang each" in message
    assert "hub:org/many:mood" in message
    assert "there are mood, topic" in message


def test_a_default_with_a_language_column_stands_for_the_rest(hub: Callable[..., Path]) -> None:
    files = {name: {s: f"data/{name}/{s}.jsonl" for s in SPLITS} for name in ("de", "sw")}
    everything = {s: f"data/*/{s}.jsonl" for s in SPLITS}
    content = {files[name][s]: lines(rows(s, name)) for name in files for s in SPLITS}
    hub("org/both", {"README.md": card({"default": everything, **files}), **content})
    task = load_task("hub:org/both")
    assert task.languages == ("de", "sw")
    assert len(task.splits["train"]) == 4


def test_a_default_without_one_is_set_aside(hub: Callable[..., Path]) -> None:
    files = {name: {s: f"data/{name}/{s}.jsonl" for s in SPLITS} for name in ("de", "sw")}
    everything = {s: f"data/*/{s}.jsonl" for s in SPLITS}
    content = {files[name][s]: lines(rows(s, name, lang=None)) for name in files for s in SPLITS}
    hub("org/both", {"README.md": card({"default": everything, **files}), **content})
    assert load_task("hub:org/both").languages == ("de", "sw")


def test_classes_are_read_by_name_and_a_withheld_one_is_missing(hub: Callable[..., Path]) -> None:
    table = {"text": ["a", "b"], "label": [1, 0], "lang": ["de", "de"]}
    files = {f"{s}.parquet": parquet(table, ["bad", "good"]) for s in ("train", "validation")}
    hub("org/classes", {**files, "test.parquet": parquet(table, ["bad", "good"])})
    task = load_task("hub:org/classes")
    assert task.labels == ("bad", "good")
    assert task.splits["train"].labels.tolist() == [1, 0]
    withheld = parquet({**table, "label": [-1, 0]}, ["bad", "good"])
    hub("org/withheld", {**files, "test.parquet": withheld})
    assert "hub:org/withheld, default, test, row 1: label is missing" in refusal("hub:org/withheld")


def test_texts_in_csv_stay_texts(hub: Callable[..., Path]) -> None:
    content = "text\tlabel\tlang\nNA\tnull\tnb\nplain\tyes\tnb\n"
    hub("org/csv", {f"{s}.tsv": content for s in SPLITS})
    task = load_task("hub:org/csv")
    assert task.splits["train"].texts == ("NA", "plain")
    assert task.labels == ("null", "yes")


def test_only_the_chosen_languages_are_read(hub: Callable[..., Path]) -> None:
    files = each_language(["de", "sw", "xx"], lang=None)
    files["data/xx/train.jsonl"] = "this is not JSON"
    hub("org/many", files)
    assert load_task("hub:org/many", ["de", "sw"]).languages == ("de", "sw")
    assert "hub:org/many, xx: " in refusal("hub:org/many")
    assert refusal("hub:org/many", languages=["fr"]) == "hub:org/many: no language 'fr'; there are de, sw, xx"


def test_replaced_files_give_the_new_rows(hub: Callable[..., Path]) -> None:
    # The cache of `datasets` goes by names: the same commit with other files would give the old rows.
    hub("org/one", {f"{s}.jsonl": lines(rows(s, "de")) for s in SPLITS})
    before = load_task("hub:org/one")
    hub("org/one", {f"{s}.jsonl": lines(rows(s, "sw")) for s in SPLITS})
    assert before.languages == ("de",)
    assert load_task("hub:org/one").languages == ("sw",)


def test_nothing_is_written_outside_the_hub_cache(
    hub: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datasets import config

    monkeypatch.setattr(config, "HF_DATASETS_CACHE", tmp_path / "datasets")
    hub("org/one", {f"{s}.jsonl": lines(rows(s, "de")) for s in SPLITS})
    load_task("hub:org/one")
    assert not (tmp_path / "datasets").exists()


def test_a_loading_script_is_never_run_and_the_conversion_read_instead(
    hub: Callable[..., Path], tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    hub(
        "org/scripted",
        {"scripted.py": f"open({str(ran)!r}, 'w')\n", "data/de/train.jsonl": lines(rows("x", "de"))},
    )
    message = refusal("hub:org/scripted")
    assert "HF_HUB_OFFLINE is set" in message
    table = {"text": ["a", "b"], "label": [0, 1]}
    converted = {
        f"{name}/{s}/0000.parquet": parquet(table, ["bad", "good"]) for name in ("de", "sw") for s in SPLITS
    }
    hub("org/scripted", converted, revision="refs/convert/parquet")
    task = load_task("hub:org/scripted")
    assert (task.labels, task.languages) == (("bad", "good"), ("de", "sw"))
    assert not ran.exists()


def test_codes_become_the_names_they_stand_for(hub: Callable[..., Path]) -> None:
    hub("org/codes", each_language(["de"], lang=None))
    source = HubData("org/codes", names={"no": "negative", "yes": "positive"})
    assert build_task("codes", hub_rows(source)).labels == ("negative", "positive")


class TestRefusals:
    def test_other_columns_are_listed(self, hub: Callable[..., Path]) -> None:
        hub("org/other", {f"{s}.jsonl": lines(rows(s, "de", text="tweet")) for s in SPLITS})
        assert refusal("hub:org/other") == (
            "hub:org/other, default, train: no column text; there are tweet, label, lang"
        )

    def test_no_language_column(self, hub: Callable[..., Path]) -> None:
        hub("org/mono", {f"{s}.jsonl": lines(rows(s, "de", lang=None)) for s in SPLITS})
        assert refusal("hub:org/mono") == "hub:org/mono: no column lang; there are text, label"
        assert load_task("hub:org/mono:default").languages == ("default",)

    def test_a_named_data_set_without_configurations(self, hub: Callable[..., Path]) -> None:
        hub("mteb/NusaX-senti", {f"{s}.jsonl": lines(rows(s, "de")) for s in SPLITS})
        with pytest.raises(RequestError, match="no configuration for each language; there is only default"):
            load_task("nusax")

    def test_no_validation_split(self, hub: Callable[..., Path]) -> None:
        hub("org/two", {f"{s}.jsonl": lines(rows(s, "de")) for s in ("train", "test")})
        assert refusal("hub:org/two") == (
            "hub:org/two: no split called dev or valid or validation; there are test, train"
        )

    def test_no_such_configuration(self, hub: Callable[..., Path]) -> None:
        hub("org/many", each_language(["de", "sw"]))
        assert refusal("hub:org/many:fr") == "hub:org/many: no configuration 'fr'; there are de, sw"

    def test_files_that_cannot_be_read(self, hub: Callable[..., Path]) -> None:
        hub("org/broken", {f"{s}.parquet": b"PAR1 and no more" for s in SPLITS})
        assert "hub:org/broken, default: " in refusal("hub:org/broken")

    def test_a_repository_without_data(self, hub: Callable[..., Path]) -> None:
        hub("org/empty", {"README.md": "nothing here"})
        assert "hub:org/empty: no data that can be read" in refusal("hub:org/empty")

    def test_one_that_is_not_here_while_offline(self, hub: Callable[..., Path]) -> None:
        message = refusal("hub:org/absent")
        assert "HF_HUB_OFFLINE is set" in message
        assert "hub's cache" in message

    @pytest.mark.parametrize("name", ["", "a/b/c", "bad name", "-x/y"])
    def test_what_is_no_name(self, hub: Callable[..., Path], name: str) -> None:
        assert "not a data set's name; write hub:OWNER/NAME" in refusal(f"hub:{name}")


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (404, "RepoNotFound", "no such data set on the hub"),
        (401, "RepoNotFound", "no such data set on the hub, or it needs `hf auth login`"),
        (403, "GatedRepo", "access must be granted on its page"),
        (500, "", "cannot be reached"),
    ],
)
def test_what_the_hub_answers_is_told_in_one_line(
    hub: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, status: int, code: Any, words: str
) -> None:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("X-Error-Code", code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            pass

    from huggingface_hub import constants

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    try:
        assert words in refusal("hub:org/asked")
    finally:
        server.shutdown()
        server.server_close()


def test_a_hub_that_cannot_be_reached(hub: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert "the hub cannot be reached" in refusal("hub:org/asked")
    hub("org/here", {f"{s}.jsonl": lines(rows(s, "de")) for s in SPLITS})
    assert load_task("hub:org/here").languages == ("de",)


@pytest.mark.processes
@pytest.mark.slow
def test_the_usual_variables_make_it_offline(hub: Callable[..., Path], tmp_path: Path) -> None:
    hub("org/one", {f"{s}.jsonl": lines(rows(s, "de")) for s in SPLITS})
    program = "from study.trial.data.sources import load_task; print(load_task('hub:org/one').languages)"
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(tmp_path / "hub")}
    ran = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert ran.stdout.strip() == "('de',)", ran.stderr


@pytest.mark.parametrize("name", sorted(NAMED))
def test_every_named_data_set_loads_from_its_layout(hub: Callable[..., Path], name: str) -> None:
    known = NAMED[name]
    source = known.source
    if source.names:
        codes = list(source.names)[:2]
        table = [{source.text[0]: f"text {code}", source.label[0]: code} for code in codes]
    else:
        table = [{source.text[0]: f"text {label}", source.label[0]: label} for label in ("one", "two")]
    tagged = [{name: [value] for name, value in row.items()} for row in table]
    used = tagged if source.text == ("tokens",) else table
    files = {language: {s: f"{language}/{s}.jsonl" for s in SPLITS} for language in ("aa", "bb")}
    content = {path: lines(used) for of_language in files.values() for path in of_language.values()}
    hub(source.repository, {"README.md": card(files), **content})
    task = load_task(name)
    assert (task.name, task.languages) == (name, ("aa", "bb"))
    assert task.labels == (tuple(sorted(source.names.values()))[:2] if source.names else ("one", "two"))
    assert len(known.description.splitlines()) == 1
    assert known.languages > 1
    assert known.labels > 1


@pytest.mark.parametrize(
    "labels", [("01", "02", "10"), ("1", "01", "2"), ("1.1", "1.10", "2.3"), ("true", "false"), ("NA", "1e3")]
)
@pytest.mark.parametrize("ending", ["csv", "tsv"])
def test_a_hubs_csv_is_read_as_a_folders(
    hub: Callable[..., Path], write_folder: Callable[..., Path], labels: tuple[str, ...], ending: str
) -> None:
    """No type is guessed: `01` and `1` are two labels, and a text of digits is a text."""
    table = [("text", "label", "lang"), *((f"00{i}", label, "de") for i in range(3) for label in labels)]
    comma, tab = ("".join(mark.join(row) + "\n" for row in table) for mark in (",", "\t"))
    hub("org/typed", {f"{split}.{ending}": comma if ending == "csv" else tab for split in SPLITS})
    folder = load_task(str(write_folder({f"{split}.csv": comma for split in SPLITS}, "typed")))
    found = load_task("hub:org/typed")
    assert found.labels == folder.labels == tuple(sorted(labels))
    assert found.fingerprint == folder.fingerprint


def test_parquet_has_the_same_labels_in_a_folder_and_on_the_hub(
    hub: Callable[..., Path], write_folder: Callable[..., Path]
) -> None:
    content = parquet({"text": ["a", "b"], "label": [1, 0], "lang": ["de", "de"]}, ["good", "bad"])
    files = {f"{split}.parquet": content for split in SPLITS}
    hub("org/classes", files)
    folder = load_task(str(write_folder(files)))
    assert folder.labels == ("bad", "good")
    assert folder.splits["train"].labels.tolist() == [0, 1]
    assert folder.fingerprint == load_task("hub:org/classes").fingerprint


def test_a_withheld_class_is_missing_in_a_folder_too(write_folder: Callable[..., Path]) -> None:
    content = parquet({"text": ["a", "b"], "label": [-1, 0], "lang": ["de", "de"]}, ["good", "bad"])
    folder = write_folder({f"{split}.parquet": content for split in SPLITS})
    with pytest.raises(RequestError, match=r"train\.parquet, row 1: label is missing"):
        load_task(str(folder))
