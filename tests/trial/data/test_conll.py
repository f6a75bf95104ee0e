"""Token tasks from files and from the hub: CoNLL, JSON lines, Parquet, and the layouts of known data sets."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from datasets import ClassLabel, Dataset, Features, List, Value

from study.errors import RequestError
from study.trial.data.checks import build_task
from study.trial.data.hub import HubData, hub_rows
from study.trial.data.named import NAMED
from study.trial.data.rows import rows_of
from study.trial.data.sources import load_task
from study.trial.data.task import Task, load_saved_task, save_task

TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
SPLITS = {"train": "train", "dev": "validation", "test": "test"}


def conll(language: str, split: str, separator: str = "\t", middle: str = "") -> str:
    """Two sentences, with comments and the mark of a document."""
    person = [(f"{language}-{split}", "B-PER"), ("Ade", "I-PER"), ("laughs", "O")]
    place = [("in", "O"), (f"{split}-{language}", "B-LOC"), (".", "O")]
    lines = ["-DOCSTART- -X- O", "", "# text = whatever"]
    for sentence in (person, place):
        lines += [separator.join(filter(None, (word, middle, tag))) for word, tag in sentence] + [""]
    return "\n".join(lines) + "\n"


def sentences(task: Task, split: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """Language and tagged words of each row."""
    rows = rows_of(task)[split][0]
    return [
        (language, list(zip(words, tags, strict=True)))
        for language, words, tags in zip(rows.languages, rows.texts, rows.labels, strict=True)
    ]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Mapping[str, str | bytes]], str]:
    def put(files: Mapping[str, str | bytes]) -> str:
        for name, content in files.items():
            path = tmp_path / "ner" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(tmp_path / "ner")

    return put


def three(form: str, **how: str) -> dict[str, str]:
    """Files of three languages, named by `form`."""
    return {
        form.format(language=language, split=split): conll(language, split, **how)
        for language in ("deu", "swh", "yor")
        for split in SPLITS
    }


EXPECTED = [
    (language, rows)
    for language in ("deu", "swh", "yor")
    for rows in (
        [(f"{language}-train", "B-PER"), ("Ade", "I-PER"), ("laughs", "O")],
        [("in", "O"), (f"train-{language}", "B-LOC"), (".", "O")],
    )
]


@pytest.mark.parametrize(
    "form", ["{language}/{split}.conll", "{split}.{language}.bio", "{language}/{split}.txt"]
)
@pytest.mark.parametrize("how", [{}, {"separator": " "}, {"separator": " ", "middle": "NNP"}])
def test_a_folder_of_conll_files_is_a_token_task(
    write: Callable[[Mapping[str, str]], str], form: str, how: dict[str, str]
) -> None:
    task = load_task(write(three(form, **how)))
    assert (task.kind, task.metric, task.name) == ("token", "f1", "ner")
    assert task.languages == ("deu", "swh", "yor")
    assert task.labels == ("B-LOC", "B-PER", "I-PER", "O")
    assert sentences(task, "train") == EXPECTED


def test_the_files_of_universal_ner_count_words_and_have_more_columns(
    write: Callable[[Mapping[str, str]], str],
) -> None:
    text = "# sent_id = 1\n1\tAde\tB-PER\t-\tann\n2\tlaughs\tO\t-\tann\n\n1\tLagos\tB-LOC\t-\tann\n\n"
    task = load_task(write({f"{split}.eng.iob2": text.replace("Ade", split) for split in SPLITS}))
    assert sentences(task, "train") == [
        ("eng", [("train", "B-PER"), ("laughs", "O")]),
        ("eng", [("Lagos", "B-LOC")]),
    ]


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("Ade\tI-PER", "Ade", 5, "tags: no tag in 'Ade'"),
        ("Ade\tI-PER", "Ade\t", 5, "tags: no tag in 'Ade '"),
        ("Ade\tI-PER", "Ade\tE-PER", 5, "tags: the tag 'E-PER' is no BIO tag"),
        ("Ade\tI-PER", "Ade\tI-", 5, "tags: the tag 'I-' is no BIO tag"),
    ],
)
def test_a_bad_line_is_named_with_its_file_and_field(
    write: Callable[[Mapping[str, str]], str], old: str, new: str, line: int, says: str
) -> None:
    files = three("{language}/{split}.conll")
    files["yor/train.conll"] = files["yor/train.conll"].replace(old, new)
    folder = write(files)
    with pytest.raises(RequestError) as error:
        load_task(folder)
    message = str(error.value)
    assert message.startswith(f"{folder}/yor/train.conll, line {line}: {says}")
    assert "\n" not in message


def test_a_split_without_a_file_and_a_language_with_two_are_refused(
    write: Callable[[Mapping[str, str]], str],
) -> None:
    files = three("{language}/{split}.conll")
    folder = write({name: text for name, text in files.items() if "dev" not in name})
    with pytest.raises(RequestError, match="no validation file of any language"):
        load_task(folder)
    write(files | {"train.deu.bio": conll("deu", "train")})
    with pytest.raises(RequestError, match="both serve train of deu; keep one"):
        load_task(folder)


def test_bio_errors_and_uneven_tags_are_reported_and_not_refused(
    write: Callable[[Mapping[str, str]], str],
) -> None:
    files = three("{language}/{split}.conll")
    files["deu/train.conll"] = files["deu/train.conll"].replace("B-PER", "O")
    files["swh/train.conll"] = files["swh/train.conll"].replace("B-LOC", "O")
    files["swh/test.conll"] = files["swh/test.conll"].replace("B-", "O B-").replace("\tI-PER", "\tO")
    files["swh/test.conll"] = "\n".join(
        f"{line.split(chr(9))[0]}\tO" if "\t" in line else line
        for line in files["swh/test.conll"].split("\n")
    )
    files["yor/test.conll"] = files["yor/test.conll"].replace("B-LOC", "B-ORG")
    task = load_task(write(files))
    notes = "\n".join(task.notes)
    assert "train: 1 I- tags follow no tag of their type" in notes
    assert "deu/train.conll, line 5, 'Ade' has I-PER" in notes
    assert "test: no entity in swh: no F1 there" in notes
    assert "test: 1 words have tags that training lacks (B-ORG): no student learns them" in notes
    assert "train: languages have different tags: swh lacks LOC" in notes


def test_json_lines_and_parquet_have_tokens_tags_and_lang(
    write: Callable[[Mapping[str, str | bytes]], str],
) -> None:
    rows = [
        {"tokens": ["Ade", "laughs"], "tags": ["B-PER", "O"], "lang": "yor"},
        {"tokens": ["10 000", "."], "tags": ["O", "O"], "lang": "fra"},
    ]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    kinds = Features(
        {"tokens": List(Value("string")), "tags": List(ClassLabel(names=TAGS)), "lang": Value("string")}
    )
    table = {
        "tokens": [row["tokens"] for row in rows],
        "tags": [[TAGS.index(tag) for tag in row["tags"]] for row in rows],
        "lang": [row["lang"] for row in rows],
    }
    content = io.BytesIO()
    Dataset.from_dict(table, features=kinds).to_parquet(content)
    task = load_task(write({"train.jsonl": lines, "dev.parquet": content.getvalue(), "test.jsonl": lines}))
    assert sentences(task, "train") == sentences(task, "validation")
    assert sentences(task, "train")[1] == ("fra", [("10 000", "O"), (".", "O")])
    assert task.splits["train"].texts == ("Ade laughs", "10 000 .")


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"tokens": ["a", "b"], "tags": ["O"]}, "line 1: 2 tokens and 1 tags; each word needs one tag"),
        ({"tokens": "a b", "tags": ["O"]}, "line 1: tokens is 'a b'; it must be a list"),
        ({"tokens": ["a"], "tags": None}, "line 1: tags is missing; it must be a list"),
        ({"tokens": [], "tags": []}, "line 1: tokens is empty"),
        ({"tokens": ["a", ""], "tags": ["O", "O"]}, "line 1: word 2: tokens: '' is empty"),
        ({"tokens": ["a", 3], "tags": ["O", "O"]}, "line 1: word 2: tokens: 3 is not a string"),
        ({"tokens": ["a", "b"], "tags": ["O", None]}, "line 1: word 2: tags: the tag is missing"),
        ({"tokens": ["a"]}, "line 1: no column tags; there are tokens, lang"),
        ({"text": "a", "label": "O"}, "the same in all files is right"),
    ],
)
def test_a_bad_row_is_named_with_its_field(
    write: Callable[[Mapping[str, str]], str], row: dict[str, Any], says: str
) -> None:
    good = {"tokens": ["Ade", "laughs"], "tags": ["B-PER", "O"], "lang": "yor"}
    files = dict.fromkeys(("train.jsonl", "dev.jsonl", "test.jsonl"), json.dumps(good) + "\n")
    folder = write(files | {"train.jsonl": json.dumps(row | {"lang": "yor"}) + "\n"})
    with pytest.raises(RequestError) as error:
        load_task(folder)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_saved_task_is_the_same_task(write: Callable[[Mapping[str, str]], str], tmp_path: Path) -> None:
    task = load_task(write(three("{language}/{split}.conll")))
    (tmp_path / "saved").mkdir()
    save_task(task, tmp_path / "saved")
    again = load_saved_task(tmp_path / "saved")
    assert again.fingerprint == task.fingerprint
    assert (again.kind, again.metric) == ("token", "f1")
    assert [split.words for split in again.splits.values()] == [split.words for split in task.splits.values()]
    assert build_task("ner", rows_of(task)).fingerprint == task.fingerprint


def hub_table(classes: list[str], column: str, more: Mapping[str, str]) -> bytes:
    kinds = {name: Value("string") for name in more}
    features = Features({"tokens": List(Value("string")), column: List(ClassLabel(names=classes)), **kinds})
    rows = {
        "tokens": [["Ade", "laughs"], ["Hm"]],
        column: [[1, 0], [0]],
        **{k: [v] * 2 for k, v in more.items()},
    }
    content = io.BytesIO()
    Dataset.from_dict(rows, features=features).to_parquet(content)
    return content.getvalue()


@pytest.mark.parametrize(
    ("name", "column", "classes", "more", "metric"),
    [
        ("wikiann", "ner_tags", TAGS, {}, "f1"),
        ("uner", "ner_tags", TAGS, {"idx": "1", "text": "as it was"}, "f1"),
        ("ud-pos", "upos", ["NOUN", "VERB"], {"idx": "1", "text": "as it was"}, "accuracy"),
    ],
)
def test_the_known_data_sets_of_tagged_words_have_a_configuration_for_each_language(
    hub: Callable[..., Path], name: str, column: str, classes: list[str], more: dict[str, str], metric: str
) -> None:
    repository = NAMED[name].source.repository
    files = {
        language: {split: f"{language}/{split}.parquet" for split in SPLITS.values()}
        for language in ("da_ddt", "en_ewt")
    }
    configs = [
        {"config_name": language, "data_files": [{"split": s, "path": p} for s, p in of.items()]}
        for language, of in files.items()
    ]
    content = hub_table(classes, column, more)
    hub(
        repository,
        {"README.md": f"---\n{json.dumps({'configs': configs})}\n---\n"}
        | {path: content for of in files.values() for path in of.values()},
    )
    task = load_task(name)
    assert (task.kind, task.metric, task.languages) == ("token", metric, ("da_ddt", "en_ewt"))
    first = [("Ade", classes[1]), ("laughs", classes[0])]
    assert sentences(task, "train")[0] == ("da_ddt", first)
    (rows,) = hub_rows(HubData(repository, text=("tokens",)), ["en_ewt"])["test"]
    assert (rows.kind, rows.columns[:2]) == ("token", ("tokens", column))
