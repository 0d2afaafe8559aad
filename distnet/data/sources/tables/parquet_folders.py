"""The Parquet files of a folder, as programs lay them out, by split.

Files of the folder itself are sorted by their names. Otherwise folders say `key=value`, as Hive,
Spark and pandas write them: the key is a column, and `split=test` a split. Or folders are called
`train`, `test`, ..., or a single folder holds all of it, such as `data` in the repositories of
Hugging Face.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from urllib.parse import unquote

from distnet.data.images.formats import SUFFIXES as PICTURES
from distnet.data.sources._splits import is_split_name, split_files, split_of
from distnet.data.sources.files.below import below
from distnet.data.sources.tables.parquet_table import SUFFIXES, ParquetTable, is_parquet
from distnet.data.survey.summary import Findings
from distnet.errors import DataError
from distnet.spec.plural import listed

HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
SPLIT = "split"
MOST_NAMES, LOOKED_AT = 10, 1000
Splits = dict[str, list[ParquetTable]]


def has_parquet(path: Path) -> bool:
    """Whether it is a Parquet file, or a folder laid out in one of these ways."""
    if not path.is_dir():
        return is_parquet(path)
    return any(map(is_parquet, path.iterdir())) or any(map(_holds_tables, _folders(path)))


def open_parquet(path: Path, findings: Findings) -> Splits:
    """Open the files of each split.

    Raises:
        DataError: there are none, a file is damaged, or it is not clear which of several folders
            is meant.
    """
    if path.is_file() or any(map(is_parquet, path.iterdir())):
        files = split_files(path, SUFFIXES, findings)
        return {split: list(map(ParquetTable, found)) for split, found in files.items()}
    folders = [folder for folder in _folders(path) if _holds_tables(folder)]
    if folders and all("=" in folder.name for folder in folders):
        return _partitioned(path, findings)
    if any(split_of(folder.name) == "train" for folder in folders):
        return _by_folder([folder for folder in folders if is_split_name(folder.name)], findings)
    if len(folders) != 1:
        found = listed([folder.name for folder in folders], MOST_NAMES)
        raise DataError(
            f"{path}: found several folders of Parquet files, {found}; import one of them"
            if folders
            else f"{path}: no files here that end in {' or '.join(SUFFIXES)}"
        )
    why = "the only folder with Parquet files"
    findings.guessed("folder", folders[0].name, why, option="import another folder")
    return open_parquet(folders[0], findings)


def _partitioned(path: Path, findings: Findings) -> Splits:
    splits: Splits = {}
    keys: dict[str, None] = {}
    for file in _files_below(path):
        parts = file.relative_to(path).parts[:-1]
        partition = dict(map(_key_and_value, filter(lambda part: "=" in part, parts)))
        split = partition.pop(SPLIT, None) if _is_split(partition) else None
        keys |= dict.fromkeys(partition)
        splits.setdefault(split or "all", []).append(ParquetTable(file, partition))
    findings.read("files", sum(map(len, splits.values())))
    for key in keys:
        why = "folders are called KEY=VALUE"
        findings.guessed("columns from the names of folders", key, why, option="--drop NAME")
    return splits


def _is_split(partition: dict[str, str | None]) -> bool:
    return is_split_name(partition.get(SPLIT) or "")


def _by_folder(folders: list[Path], findings: Findings) -> Splits:
    splits: Splits = {}
    for folder in folders:
        files = list(_files_below(folder))
        findings.read("files", len(files))
        tables = splits.setdefault(split_of(folder.name) or folder.name, [])
        tables += map(ParquetTable, files)
    return splits


def _key_and_value(name: str) -> tuple[str, str | None]:
    key, _, value = name.partition("=")
    return unquote(key), None if value == HIVE_NULL else unquote(value)


def _folders(path: Path) -> list[Path]:
    """Those that programs do not hide, as Spark does with `_temporary`."""
    return [p for p in sorted(path.iterdir()) if p.is_dir() and not p.name.startswith((".", "_"))]


def _holds_tables(folder: Path) -> bool:
    """Whether there are Parquet files below, and no images, by a quick look."""
    found = list(islice(below(folder), LOOKED_AT))
    return any(map(is_parquet, found)) and not any(p.suffix.lower() in PICTURES for p in found)


def _files_below(folder: Path) -> Iterator[Path]:
    for file in sorted(below(folder)):
        hidden = any(part.startswith((".", "_")) for part in file.relative_to(folder).parts)
        if is_parquet(file) and file.is_file() and not hidden:
            yield file
