"""Texts with their classes (or numbers): a table with a column of text and one of targets.

One file, or a folder with a file for each split, such as `train.tsv`, `dev.tsv` and `test.tsv`, as
CSV (with any delimiter, with or without a header line) or Parquet. The vocabulary is that of the
training split.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Literal

from distnet.data.column import Columns, RaggedArray
from distnet.data.csv.dialect import parse_delimiter
from distnet.data.csv.file import SUFFIXES as CSV
from distnet.data.csv.file import is_csv
from distnet.data.csv.table import CsvTable
from distnet.data.features.form import TableForm
from distnet.data.fields._tokenizers import Tokenizer
from distnet.data.fields.tokens import TokensField
from distnet.data.sources._like import Like, report_unknown, tokens_like
from distnet.data.sources._splits import split_files, split_of
from distnet.data.sources.source import Chunks, RawData
from distnet.data.sources.tables.classes import Encode
from distnet.data.sources.tables.parquet_table import SUFFIXES as PARQUET
from distnet.data.sources.tables.parquet_table import ParquetTable, is_parquet
from distnet.data.sources.tables.table import Table
from distnet.data.sources.tables.tables import batches_of, common_columns, train_first
from distnet.data.sources.tables.targets import TargetSurvey
from distnet.data.sources.texts.choose import choose_columns, has_names, looks_like_texts
from distnet.data.sources.texts.column import TextColumn
from distnet.data.survey.summary import Findings

IMPLIED_BY = "text"
Header = Literal["yes", "no"]
MOST_TOKENS = 10_000


def detect(path: Path) -> bool:
    """Whether it is a CSV file of two columns, a text and something short, or a folder of such."""
    if path.is_dir():
        files = [f for f in sorted(path.iterdir()) if split_of(f.name) == "train" and is_csv(f)]
    else:
        files = [path] if is_csv(path) else []
    return any(map(looks_like_texts, files[:1]))


def read(
    path: Path,
    *,
    text: str | None = None,
    target: Sequence[str] = (),
    target_kind: str | None = None,
    classes: Sequence[str] = (),
    tokenizer: Tokenizer = "words",
    vocabulary: int = MOST_TOKENS,
    header: Header | None = None,
    delimiter: str | None = None,
    skip_unreadable: bool = False,
    like: Like | None = None,
) -> RawData:
    """Read the texts and their targets; other columns are left out.

    Args:
        path: the file or folder.
        text: the column of text; else the one with the longest cells.
        target: the column to learn; else one with a usual name, or the only other one.
        target_kind: `class` or `number`; else decided by the content.
        classes: names of the classes, in the order of their index.
        tokenizer: what a token is: `characters`, `words` or `bpe` (parts of words).
        vocabulary: the most tokens that are kept, by how often they occur.
        header: whether the first line of CSV names the columns; by default recognised.
        delimiter: between the cells of CSV: one character, or `tab`; else recognised.
        skip_unreadable: leave out, and count, rows without a text.
        like: the fields of a dataset whose tokens are taken, instead of those that occur here.

    Raises:
        DataError: a file is malformed, or a text or target is missing.
        UnknownPartError: the package for words is not installed.
    """
    findings = Findings()
    splits = _opened(path, delimiter, header, (*target, text) if text else target, findings)
    tables = train_first(splits)
    text, label = choose_columns(tables[0], common_columns(tables), text, target, findings)
    survey = TargetSurvey((label,), kind=target_kind, classes=classes, findings=findings)
    column = TextColumn(text, findings, skip=skip_unreadable)
    for split, table, row, batch in batches_of(splits, (text, label), findings):
        column.add(batch, row, table)
        survey.add(batch, row, table, split=split)
    column.check()
    y, encode = survey.finish()
    learned = chain.from_iterable(map(column.all_texts, splits.get("train", tables)))
    x = tokens_like(like, "x") or TokensField.learned(learned, tokenizer=tokenizer, most=vocabulary)
    findings.read("different tokens", len(x.vocabulary))
    chunks = partial(_chunks, column, x, label, encode, findings if like else None)
    return RawData(
        fields={"x": x, "y": y},
        splits={split: chunks(part) for split, part in splits.items()},
        num_samples=survey.num_rows - column.num_skipped,
        table=TableForm(column=text),
        findings=findings,
    )


def _opened(
    path: Path,
    delimiter: str | None,
    header: Header | None,
    given: Sequence[str],
    findings: Findings,
) -> dict[str, list[Table]]:
    """The tables of each split; `given` are names of columns that the user knows."""
    delimiter = None if delimiter is None else parse_delimiter(delimiter)
    files = split_files(path, (*CSV, *PARQUET), findings)
    first, *_ = files.get("train") or next(iter(files.values()))
    has_header = has_names(first, delimiter, header, given, findings)

    def table(file: Path) -> Table:
        if is_parquet(file):
            return ParquetTable(file)
        return CsvTable(file, delimiter, has_header=has_header)

    return {split: list(map(table, found)) for split, found in files.items()}


def _chunks(  # noqa: PLR0917
    column: TextColumn,
    field: TokensField,
    label: str,
    encode: Encode,
    findings: Findings | None,
    tables: Sequence[Table],
) -> Chunks:
    """Encode the rows of a split; `findings` takes tokens that another dataset does not know."""

    def chunks() -> Iterator[Columns]:
        for table in tables:
            for batch in table.batches((column.name, label)):
                kept = column.kept(batch)
                tokens = [field.encode(text) for text in column.texts(kept)]
                if tokens:
                    yield {"x": RaggedArray.of(tokens), "y": encode(kept)}
                if findings is not None:
                    report_unknown(field, tokens, findings)

    return chunks
