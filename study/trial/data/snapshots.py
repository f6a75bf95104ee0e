"""A hub data set's files on this machine, and their tables as `datasets` reads them.

The files are downloaded first (`snapshot_download`) and then read from this machine: if they are in the hub's
cache, no network is needed. Each load converts into a folder of its own, because the cache of `datasets` goes
by folder names and would return old rows for new files. No code of a repository is executed: if a data set
needs a loading script, the hub's own conversion to Parquet is read instead.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from study.errors import RequestError

__all__ = ["Snapshot", "fetch"]

CONVERTED = "refs/convert/parquet"
"""The branch that has the hub's conversion: CONFIGURATION/SPLIT/0000.parquet."""

WIDEST = 1000
"""Columns of a CSV that are read as they are written."""

DATA_FILES = [
    f"*.{ending}" for ending in ("parquet", "json", "jsonl", "csv", "tsv", "gz", "zst", "bz2", "xz")
]


def fetch(repository: str) -> Snapshot:
    """The data files of the data set `repository`, downloaded unless this machine has them already.

    Raises:
        RequestError: if there is no such data set, or the files are not here and the hub cannot be reached.
    """
    script = repository.rpartition("/")[2] + ".py"  # fetched to learn whether there is a script; never run
    folder = _download(repository, None, [*DATA_FILES, "README.md", ".huggingface.yaml", script])
    if not (folder / script).exists():
        return Snapshot(repository, folder, converted=False)
    return Snapshot(repository, _download(repository, CONVERTED, ["*.parquet"]), converted=True)


class Snapshot:
    """A repository's files in `folder`; `converted`: whether they are the hub's conversion."""

    def __init__(self, repository: str, folder: Path, converted: bool) -> None:
        self.repository, self.folder, self.converted = repository, folder, converted
        self._peeked: dict[str, Mapping[str, Any]] = {}
        self._model: Any = None

    def configurations(self) -> list[str]:
        """The names of the repository's configurations, sorted.

        Raises:
            RequestError: if the repository holds no data.
        """
        if self.converted:
            return sorted({path.parent.parent.name for path in self.folder.glob("*/*/*.parquet")})
        from datasets import get_dataset_config_names

        try:
            return sorted(get_dataset_config_names(str(self.folder)))
        except Exception as error:  # `datasets` raises many kinds; each means that there is nothing to read
            raise RequestError(
                f"hub:{self.repository}: no data that can be read ({_reason(error)})"
            ) from None

    def columns(self, configuration: str) -> list[str]:
        """The names of the columns of one configuration."""
        self._peeked[configuration] = self.tables(configuration)
        return list(next(iter(self._peeked[configuration].values())).column_names)

    def tables(self, configuration: str) -> Mapping[str, Any]:
        """The `datasets.Dataset` of each split of one configuration, under the split's name on the hub.

        Raises:
            RequestError: if `datasets` cannot read the files; the message has the reason.
        """
        if configuration in self._peeked:
            return self._peeked.pop(configuration)
        import datasets

        progress = datasets.is_progress_bar_enabled()
        datasets.disable_progress_bars()
        try:
            with tempfile.TemporaryDirectory(prefix="kdstudy-") as cache:
                builder = self._builder(configuration, cache)
                builder.download_and_prepare()
                splits: Mapping[str, Any] = builder.as_dataset(in_memory=True)
                return splits
        except Exception as error:  # as above
            raise RequestError(f"hub:{self.repository}, {configuration}: {_reason(error)}") from None
        finally:
            if progress:
                datasets.enable_progress_bars()

    def _builder(self, configuration: str, cache: str) -> Any:
        from datasets import load_dataset_builder

        if self.converted:
            splits = sorted({path.parent.name for path in self.folder.glob(f"{configuration}/*/*.parquet")})
            files = {split: str(self.folder / configuration / split / "*.parquet") for split in splits}
            return load_dataset_builder("parquet", data_files=files, cache_dir=cache)
        if self._model is None:
            self._model = load_dataset_builder(str(self.folder), configuration, cache_dir=cache)
        # The builder's class knows every configuration. To read the card again for each of 205 configurations
        # takes most of a minute.
        model = self._model
        # A reader of CSV guesses types: the labels 01 and 1 become one, and a text "NA" is missing.
        as_written = {"keep_default_na": False, "converters": dict.fromkeys(range(WIDEST), str)}
        options = as_written if hasattr(model.config, "keep_default_na") else {}
        return type(model)(
            cache_dir=cache,
            dataset_name=model.dataset_name,
            config_name=configuration,
            hash=model.hash,
            base_path=model.base_path,
            **options,
        )


def _download(repository: str, revision: str | None, patterns: list[str]) -> Path:
    from huggingface_hub import errors, snapshot_download
    from huggingface_hub.constants import is_offline_mode

    where = f"hub:{repository}"
    try:
        return Path(
            snapshot_download(
                repository,
                repo_type="dataset",
                revision=revision,
                allow_patterns=patterns,
                ignore_patterns=["*.tar.gz"],
            )
        )
    except errors.HFValidationError:
        raise RequestError(f"{where}: not a data set's name; write hub:OWNER/NAME[:CONFIG]") from None
    except errors.GatedRepoError:
        raise RequestError(f"{where}: access must be granted on its page, and `hf auth login` done") from None
    except errors.RepositoryNotFoundError:
        raise RequestError(f"{where}: no such data set on the hub, or it needs `hf auth login`") from None
    except errors.RevisionNotFoundError:
        raise RequestError(
            f"{where}: it needs its loading script, which is never run, and the hub has no conversion of it"
        ) from None
    except errors.LocalEntryNotFoundError:
        problem = "HF_HUB_OFFLINE is set" if is_offline_mode() else "the hub cannot be reached"
        raise RequestError(f"{where}: {problem}, and it is not whole in the hub's cache here") from None
    except Exception as error:  # a network raises many kinds
        raise RequestError(f"{where}: cannot be fetched ({_reason(error)})") from None


def _reason(error: BaseException) -> str:
    # `datasets` wraps the reason of a failed conversion: the first cause is the reason.
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error).strip().partition("\n")[0] or type(error).__name__
