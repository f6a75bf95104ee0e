"""A folder's files become rows as they stand, and what cannot be read is named with its line."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from study.errors import RequestError
from study.trial.data.sources import load_task


def refusal(folder: Path, **options: Any) -> str:
    with pytest.raises(RequestError) as refused:
        load_task(str(folder), **options)
    message = str(refused.value)
    assert "\n" not in message
    return message


def as_csv(rows: Any, columns: Any = ("text", "label", "lang")) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([row[column] for column in columns] for row in rows)
    return out.getvalue()


def as_parquet(rows: Any, tmp_path: Path) -> bytes:
    pd.DataFrame(rows).to_parquet(tmp_path / "x.parquet")
    return (tmp_path / "x.parquet").read_bytes()


def as_gzip(rows: Any) -> bytes:
    import json

    return gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode(), mtime=0)


def test_every_format_gives_the_same_task(
    write_folder: Callable[..., Path], splits: dict[str, list[dict[str, Any]]], tmp_path: Path
) -> None:
    formats: dict[str, Callable[[Any], Any]] = {
        ".jsonl": lambda rows: rows,
        ".jsonl.gz": as_gzip,
        ".csv": as_csv,
        ".parquet": lambda rows: as_parquet(rows, tmp_path),
    }
    tasks = [
        load_task(
            str(write_folder({name + ending: write(rows) for name, rows in splits.items()}, ending[1:]))
        )
        for ending, write in formats.items()
    ]
    assert len({task.fingerprint for task in tasks}) == 1
    assert tasks[0].labels == ("no", "yes")
    assert tasks[0].languages == ("de", "sw")
    assert tasks[0].splits["train"].texts[0] == "de yes 0"
    assert tasks[0].notes == ()


def test_gzip_lines_with_further_columns_load(
    write_folder: Callable[..., Path], splits: dict[str, list[dict[str, Any]]]
) -> None:
    # Parallel data carries an id, which is no part of the task.
    numbered = {
        f"{name}.jsonl.gz": as_gzip([{"id": str(i), **row} for i, row in enumerate(rows)])
        for name, rows in splits.items()
    }
    task = load_task(str(write_folder({**numbered, "README.md": "about"})))
    assert {name: len(split) for name, split in task.splits.items()} == {
        "train": 8,
        "validation": 8,
        "test": 8,
    }


@pytest.mark.parametrize("name", ["dev", "valid", "validation"])
def test_validation_may_be_called(
    name: str, write_folder: Callable[..., Path], splits: dict[str, list[dict[str, Any]]]
) -> None:
    folder = write_folder({"train": splits["train"], name: splits["dev"], "test": splits["test"]})
    assert len(load_task(str(folder)).splits["validation"]) == 8


def test_texts_and_labels_stay_as_they_stand(write_folder: Callable[..., Path]) -> None:
    texts = [
        "007",
        "NA",
        "null",
        "a,b",
        'say "so"',
        "two\nlines",
        "line\u2028separator",
        " padded ",
        "é",
        "e\u0301",
    ]
    rows = [{"text": text, "label": label, "lang": "de"} for text in texts for label in ("1", "NA")]
    in_csv = load_task(
        str(write_folder(dict.fromkeys(["train.csv", "dev.csv", "test.csv"], as_csv(rows)), "a"))
    )
    in_json = load_task(str(write_folder(dict.fromkeys(["train", "dev", "test"], rows), "b")))
    assert in_csv.splits["train"].texts == in_json.splits["train"].texts == tuple(row["text"] for row in rows)
    assert in_csv.labels == in_json.labels == ("1", "NA")


def test_whole_numbers_become_label_names(
    write_folder: Callable[..., Path], splits: dict[str, list[dict[str, Any]]], tmp_path: Path
) -> None:
    numbered = [{**row, "label": int(row["label"] == "yes")} for row in splits["train"]]
    folder = write_folder(
        {"train": numbered, "dev": numbered, "test.parquet": as_parquet(numbered, tmp_path)}
    )
    assert load_task(str(folder)).labels == ("0", "1")


def test_a_byte_order_mark_and_blank_lines_are_no_rows(
    write_folder: Callable[..., Path], splits: dict[str, list[dict[str, Any]]]
) -> None:
    line = '{"text": "x", "label": "yes", "lang": "de"}\r\n'
    folder = write_folder(
        {
            "train": splits["train"],
            "dev": "\ufeff" + line + "\n" + line + "\n\n",
            "test.csv": "\ufefftext,label,lang\r\nx,no,de\r\n\r\n",
        }
    )
    task = load_task(str(folder))
    assert task.splits["validation"].texts == ("x", "x")
    assert task.splits["test"].texts == ("x",)


def test_a_folder_called_like_a_partition_adds_no_column(
    write_folder: Callable[..., Path], splits: dict[str, list[dict[str, Any]]], tmp_path: Path
) -> None:
    files = {f"{name}.parquet": as_parquet(rows, tmp_path) for name, rows in splits.items()}
    assert load_task(str(write_folder(files, "lang=xx"))).languages == ("de", "sw")


def test_a_long_csv_text_is_read(
    write_folder: Callable[..., Path], splits: dict[str, list[dict[str, Any]]]
) -> None:
    long = [{"text": "x" * 200_000, "label": "yes", "lang": "de"}, *splits["train"]]
    folder = write_folder({"train.csv": as_csv(long), "dev": splits["dev"], "test": splits["test"]})
    assert len(load_task(str(folder)).splits["train"].texts[0]) == 200_000


class TestRefusals:
    def test_a_missing_split_says_how_it_may_be_called(
        self, write_folder: Callable[..., Path], splits: dict[str, list[dict[str, Any]]]
    ) -> None:
        del splits["dev"]
        message = refusal(write_folder(splits))
        assert "no validation file" in message
        for word in ("dev", "valid", "validation", ".jsonl.gz", ".csv", ".parquet"):
            assert word in message

    def test_two_files_for_one_split_are_both_named(
        self, write_folder: Callable[..., Path], splits: dict[str, list[dict[str, Any]]]
    ) -> None:
        message = refusal(write_folder({**splits, "valid.csv": as_csv(splits["dev"])}))
        assert "dev.jsonl and valid.csv both serve validation" in message

    def test_a_folder_in_place_of_a_file(
        self, write_folder: Callable[..., Path], splits: dict[str, list[dict[str, Any]]]
    ) -> None:
        folder = write_folder({"dev": splits["dev"], "test": splits["test"]})
        (folder / "train.parquet").mkdir()
        assert "train.parquet: a folder; the train file must be there" in refusal(folder)

    def test_a_link_to_nowhere_cannot_be_read(
        self, write_folder: Callable[..., Path], splits: dict[str, list[dict[str, Any]]]
    ) -> None:
        folder = write_folder({"dev": splits["dev"], "test": splits["test"]})
        for name in ("train.jsonl", "train.csv", "train.parquet"):
            (folder / name).symlink_to(folder / "gone")
            message = refusal(folder)
            assert f"{name}: " in message
            assert "No such file" in message
            (folder / name).unlink()

    @pytest.mark.parametrize(
        ("name", "content", "words"),
        [
            (
                "train.jsonl",
                b'{"text": "a"}\n',
                "train.jsonl, line 1: no column label or lang; there are text",
            ),
            (
                "train.jsonl",
                b'{"text": "a", "label": "x", "lang": "de"}\n{"text',
                "train.jsonl, line 2: bad JSON",
            ),
            ("train.jsonl", b"\n[1, 2]\n", "train.jsonl, line 2: not a JSON object"),
            ("train.jsonl", b'{"text": "\xff"}', "train.jsonl, line 1: not UTF-8 (byte 0xff)"),
            ("train.jsonl", b"[" * 100_000, "train.jsonl, line 1: bad JSON"),
            ("train.jsonl", b"", "train.jsonl: no train rows"),
            ("train.csv", b"", "train.csv: empty; the first line must name the columns text, label, lang"),
            ("train.csv", b"text,label,lang\n", "train.csv: no train rows"),
            (
                "train.csv",
                b"text,klass,lang\na,x,de\n",
                "train.csv: no column label; there are text, klass, lang",
            ),
            ("train.csv", b"text,label,lang,lang\na,x,de,de\n", "train.csv: 2 columns are called lang"),
            (
                "train.csv",
                b"text,label,lang\na,x,de\n'b,c',x,de\n",
                "train.csv, line 3: 4 values, but the header names 3",
            ),
            ("train.csv", b'text,label,lang\n"a\nb",x,de\na,x\n', "train.csv, line 4: 2 values, but"),
            ("train.csv", b'text,label,lang\n"a,x,de\n', "train.csv, line 2: bad CSV"),
            (
                "train.csv",
                b"text,label,lang\na,x,de\n\xe9,x,de\n",
                "train.csv, line 3: not UTF-8 (byte 0xe9)",
            ),
            ("train.csv", b"text,label,lang\na,,de\n", "train.csv, line 2: label is missing"),
            ("train.csv", b"text,label,lang\na,x,\n", "train.csv, line 2: lang is missing"),
            (
                "train.jsonl.gz",
                gzip.compress(b"x" * 100_000, mtime=0)[:-20],
                "train.jsonl.gz: not a whole gzip file",
            ),
            ("train.jsonl.gz", b"plain text", "train.jsonl.gz: not a whole gzip file"),
            (
                "train.jsonl.gz",
                gzip.compress(b"x" * 500, mtime=0)[:12] + b"damage" * 5,
                "train.jsonl.gz: not a whole gzip file",
            ),
            ("train.parquet", b"PAR1 and then something else", "train.parquet: not a whole Parquet file"),
            ("train.parquet", b"", "train.parquet: not a whole Parquet file"),
        ],
    )
    def test_a_damaged_file_is_named_with_its_line(
        self,
        name: str,
        content: Any,
        words: str,
        write_folder: Callable[..., Path],
        splits: dict[str, list[dict[str, Any]]],
    ) -> None:
        assert words in refusal(write_folder({name: content, "dev": splits["dev"], "test": splits["test"]}))

    def test_a_parquet_cut_in_the_middle(
        self, write_folder: Callable[..., Path], splits: dict[str, list[dict[str, Any]]], tmp_path: Path
    ) -> None:
        whole = as_parquet(splits["train"] * 500, tmp_path)
        damaged = whole[:200] + bytes(200) + whole[400:]
        for content in (whole[:-100], damaged):
            folder = write_folder({"train.parquet": content, "dev": splits["dev"], "test": splits["test"]})
            assert "train.parquet: not a whole Parquet file" in refusal(folder)

    def test_a_parquet_with_other_columns_lists_them(
        self, write_folder: Callable[..., Path], splits: dict[str, list[dict[str, Any]]], tmp_path: Path
    ) -> None:
        renamed = [
            {"sentence": row["text"], "label": row["label"], "lang": row["lang"]} for row in splits["train"]
        ]
        folder = write_folder(
            {"train.parquet": as_parquet(renamed, tmp_path), "dev": splits["dev"], "test": splits["test"]}
        )
        assert "train.parquet: no column text; there are sentence, label, lang" in refusal(folder)

    def test_a_parquet_row_is_named_by_its_number(
        self, write_folder: Callable[..., Path], splits: dict[str, list[dict[str, Any]]], tmp_path: Path
    ) -> None:
        rows = [*splits["train"], {"text": None, "label": "yes", "lang": "de"}]
        folder = write_folder(
            {"train.parquet": as_parquet(rows, tmp_path), "dev": splits["dev"], "test": splits["test"]}
        )
        assert "train.parquet, row 9: text is missing" in refusal(folder)

    def test_a_path_with_a_line_break_stays_on_the_line(
        self, write_folder: Callable[..., Path], splits: dict[str, list[dict[str, Any]]]
    ) -> None:
        del splits["test"]
        assert "no test file" in refusal(write_folder(splits, name="two\nlines"))
