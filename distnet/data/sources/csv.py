"""Comma-separated text with a header line; also with semicolons, tabs or bars.

One file, or a folder with `train.csv` and `test.csv`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from distnet.data.csv.dialect import DECIMALS, check_thousands, parse_decimal, parse_delimiter
from distnet.data.csv.file import SUFFIXES, is_csv
from distnet.data.csv.table import CsvTable
from distnet.data.features.form import TableForm
from distnet.data.sources._like import Like
from distnet.data.sources._splits import split_files, split_of
from distnet.data.sources.source import RawData
from distnet.data.sources.tables.tables import TableOptions, read_tables
from distnet.data.survey.summary import Findings
from distnet.errors import DataError

Header = Literal["yes", "no"]


def detect(path: Path) -> bool:
    """Whether it is a file called `.csv` or `.tsv`, or a folder with such files for training.

    They may be compressed: `.csv.gz`.
    """
    if path.is_dir():
        return any(split_of(f.name) == "train" and is_csv(f) for f in path.iterdir())
    return is_csv(path)


def read(
    path: Path,
    *,
    target: Sequence[str] = (),
    target_kind: str | None = None,
    classes: Sequence[str] = (),
    drop: Sequence[str] = (),
    category: Sequence[str] = (),
    missing: Sequence[str] = (),
    header: Header | None = None,
    delimiter: str | None = None,
    decimal: str | None = None,
    thousands: str | None = None,
    like: Like | None = None,
) -> RawData:
    """Read the table: every column but the target is a feature.

    Args:
        path: the file or folder.
        target: the columns to learn; else the one called `target`, `label`, `class` or `y`.
        target_kind: `class` or `number`; else decided by the content.
        classes: names of the classes, in the order of their index.
        drop: columns to leave out.
        category: columns that hold categories, whatever their cells are.
        missing: what stands for a missing value besides empty cells and the usual words.
        header: `no` if the first line names no columns; they are called 1, 2, ... then.
        delimiter: between the cells: one character, or `tab`; else recognised.
        decimal: the decimal mark, a point or a comma; else recognised.
        thousands: the mark between groups of three digits; else there is none.
        like: the fields of a dataset whose categories, and means for missing numbers, are taken.

    Raises:
        DataError: the file is malformed, or a column holds nothing that is a feature.
    """
    findings = Findings()
    delimiter = None if delimiter is None else parse_delimiter(delimiter)
    decimal = None if decimal is None else parse_decimal(decimal)
    if thousands:
        check_thousands(thousands, decimal)
    form = TableForm(has_header=header != "no", thousands=thousands or "", missing=tuple(missing))
    splits = {
        split: [_open(file, delimiter, decimal, form, findings) for file in files]
        for split, files in split_files(path, SUFFIXES, findings).items()
    }
    options = TableOptions(target, target_kind, classes, drop, category, form)
    return read_tables(splits, options, findings, like)


def _open(
    file: Path, delimiter: str | None, decimal: str | None, form: TableForm, findings: Findings
) -> CsvTable:
    table = CsvTable(file, delimiter, decimal, thousands=form.thousands, has_header=form.has_header)
    if len(table.columns) == 1:
        raise DataError(
            f"{file}:1: found one column, {table.columns[0][:80]!r}, where the delimiter is "
            f"{table.dialect.name}; set another one with --delimiter"
        )
    dialect = table.dialect
    if delimiter is None:
        findings.guessed(
            "delimiter",
            dialect.name,
            dialect.why,
            example=file.name,
            option="--delimiter CHARACTER",
        )
    if dialect.why_decimal:
        findings.guessed(
            "decimal mark",
            DECIMALS[dialect.decimal],
            dialect.why_decimal,
            example=file.name,
            option="--decimal .",
        )
    return table
