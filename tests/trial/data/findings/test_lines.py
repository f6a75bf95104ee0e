"""Lines that were read as something else are refused, whatever the source."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from study.errors import RequestError
from study.trial.data.sources import load_task

HEADER = "text,label,lang"
LINES = [
    *("ein Lied,music,de", "die Uhr,alarm,de", "der Regen,news,de"),
    *("wimbo,music,sw", "saa,alarm,sw", "mvua,news,sw"),
]


def refusal(folder: Path | str) -> str:
    with pytest.raises(RequestError) as refused:
        load_task(str(folder))
    message = str(refused.value)
    assert len(message.splitlines()) == 1
    return message


def csv(lines: list[str], header: str = HEADER) -> str:
    return "\n".join([header, *lines]) + "\n"


def files(train: str) -> dict[str, str]:
    other = {name: csv([line.replace(",", f" {name},", 1) for line in LINES]) for name in ("dev", "test")}
    return {"train.csv": train} | {f"{name}.csv": content for name, content in other.items()}


@pytest.mark.parametrize("header", [HEADER, "\ufefftext,label,lang", "label,text,lang", "Text,Label,Lang"])
def test_a_header_in_the_middle_is_named_with_its_line(write_folder: Any, header: str) -> None:
    message = refusal(write_folder(files(csv([*LINES[:3], header, *LINES[3:], header]))))
    assert "train.csv, line 5: repeats the header text, label, lang (and 1 more do)" in message


def test_a_header_in_the_middle_of_a_hubs_file_is_named(hub: Callable[..., Path]) -> None:
    content = csv([*LINES[:3], HEADER, *LINES[3:]])
    hub("org/cat", {f"{split}.csv": content for split in ("train", "validation", "test")})
    assert "hub:org/cat, default, train, row 4: repeats the header" in refusal("hub:org/cat")


def test_texts_and_labels_that_are_called_like_columns_are_sound(write_folder: Any) -> None:
    rows = [*LINES, "text,music,de", "label,alarm,de", "lang,news,de"]
    assert len(load_task(str(write_folder(files(csv(rows))))).splits["train"]) == 9


def swallowing(lines: list[str], first: int, last: int) -> list[str]:
    """A text that begins with a quotation mark, and another that ends with one, unquoted."""
    found = list(lines)
    found[first] = '"' + found[first]
    found[last] = found[last].replace(",", '",', 1)
    return found


@pytest.mark.parametrize("last", [2, 5])
def test_a_text_that_swallows_lines_is_named_with_its_line_and_their_number(
    write_folder: Any, last: int
) -> None:
    message = refusal(write_folder(files(csv(swallowing(LINES, 1, last)))))
    assert (
        f"train.csv, line 3: its text runs on over {last - 1} more lines, and holds rows of the table"
        in message
    )


def test_an_ignored_column_that_swallows_lines_is_named(write_folder: Any) -> None:
    lines = [f"{line},note {i}" for i, line in enumerate(LINES)]
    lines[1] = lines[1].replace("note", '"note')
    lines[4] += '"'
    assert "train.csv, line 3: its 'comment' runs on over 3 more lines" in refusal(
        write_folder(files(csv(lines, HEADER + ",comment")))
    )


def test_lines_that_a_hubs_reader_swallowed_are_named(hub: Callable[..., Path]) -> None:
    content = csv(swallowing(LINES, 1, 5))
    hub("org/quotes", {f"{split}.csv": content for split in ("train", "validation", "test")})
    assert "hub:org/quotes, default, train, row 2: its text runs on over 4 more lines" in refusal(
        "hub:org/quotes"
    )


@pytest.mark.parametrize(
    "text", ["two\nlines", "one, two\nthree, four\nfive", "music\nalarm, news", "de\nsw"]
)
def test_a_text_of_several_lines_is_a_text(write_folder: Any, text: str) -> None:
    folder = write_folder(files(csv([*LINES, f'"{text}",music,de'])))
    assert text in load_task(str(folder)).splits["train"].texts


def test_without_a_column_of_languages_one_line_with_a_label_proves_nothing(hub: Callable[..., Path]) -> None:
    rows = [line.rpartition(",")[0] for line in LINES]
    content = csv([*rows, '"I feel, music\nyes",alarm'], "text,label")
    splits = ("train", "validation", "test")
    paths = {split: f"de/{split}.csv" for split in splits}
    configs = [{"config_name": "de", "data_files": [{"split": s, "path": p} for s, p in paths.items()]}]
    import json

    card = f"---\n{json.dumps({'configs': configs})}\n---\n"
    hub("org/de", {"README.md": card} | dict.fromkeys(paths.values(), content))
    assert "I feel, music\nyes" in load_task("hub:org/de").splits["train"].texts
