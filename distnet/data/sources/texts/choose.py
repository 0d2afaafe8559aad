"""Which columns of a table hold texts and targets, and whether its first line names them."""

from collections.abc import Sequence
from pathlib import Path
from statistics import mean

from distnet.data.csv.dialect import make_dialect
from distnet.data.csv.file import is_csv, read_beginning
from distnet.data.csv.header import is_sample
from distnet.data.csv.rows import first_rows
from distnet.data.sources.tables.cells import is_text
from distnet.data.sources.tables.table import Table
from distnet.data.sources.tables.tables import (
    LIKELY_TARGETS,
    MOST_NAMES,
    check_column,
    choose_targets,
)
from distnet.data.survey.summary import Findings
from distnet.errors import DataError
from distnet.spec.plural import listed

WORDS = 3
"""A column whose cells have as many words on average holds texts."""
USUAL_NAMES = {*LIKELY_TARGETS, "text", "sentence", "review", "sentiment"}


def looks_like_texts(path: Path) -> bool:
    """Whether a CSV file has two columns, one of texts and one of something short."""
    try:
        rows = _first_rows(path, None)
    except DataError:
        return False
    pairs = [row for row in rows if len(row) == 2]
    if len(pairs) * 2 <= len(rows):
        return False
    columns = zip(*(pairs[1:] or pairs), strict=True)
    return sorted(_num_words(column) >= WORDS for column in columns) == [False, True]


def has_names(
    path: Path,
    delimiter: str | None,
    header: str | None,
    given: Sequence[str],
    findings: Findings,
) -> bool:
    """Whether the first line of a table names its columns.

    Args:
        path: the first file of the training split.
        delimiter: between the cells of CSV; None if it is to be recognised.
        header: `yes` or `no`; None if it is to be recognised.
        given: names of columns, as the user knows them.
        findings: takes what was guessed.
    """
    if header is not None or not is_csv(path):
        return header != "no"
    first, *others = _first_rows(path, delimiter) or [[]]
    names = [cell.strip() for cell in first]
    if any(name in given or name.lower() in USUAL_NAMES for name in names):
        return True
    repeated = [cell for cell, *column in zip(first, *others, strict=False) if cell in column]
    if not repeated and not is_sample(first, others):
        return True
    why = "the first line has a number where those below it have one"
    if repeated:
        why = f"{repeated[0][:80]!r} of the first line occurs again below, as no name does"
    option = "--header"
    findings.guessed("names of columns", "1, 2, ...", why, example=path.name, option=option)
    return False


def choose_columns(
    table: Table,
    columns: Sequence[str],
    text: str | None,
    target: Sequence[str],
    findings: Findings,
) -> tuple[str, str]:
    """The column of texts and that of targets.

    Args:
        table: the first one.
        columns: those that all files have.
        text: the column of texts, if the user names it.
        target: the column of targets, if the user names it.
        findings: takes what was guessed and left out.

    Raises:
        DataError: there is no such column, or it is not clear which.
    """
    if text is None:
        text = wordiest(table, [name for name in columns if name not in target], findings)
    check_column(table.path, columns, text, "--text")
    others = tuple(name for name in columns if name != text)
    if not target and len(others) == 1:
        findings.guessed("target column", others[0], "the only other one", option="--target NAME")
        target = others
    label, *more = choose_targets(table.path, others, target, findings)
    if more:
        raise DataError(
            f"--target names {len(target)} columns, {listed(target, MOST_NAMES)}; expected one "
            "beside a text"
        )
    for name in others:
        if name != label:
            why = f"only the text {text!r} and the target {label!r} are read"
            findings.left_out("columns", why, example=repr(name))
    return text, label


def wordiest(table: Table, columns: Sequence[str], findings: Findings) -> str:
    """The column whose first cells have most words.

    Raises:
        DataError: there are no rows, or no cells with several words.
    """
    batch = next(iter(table.batches(columns)), None) if columns else None
    words = {
        name: _num_words([str(cell) for cell in batch.column(name).slice(0, 100).to_pylist()])
        for name in (columns if batch is not None else ())
        if batch is not None and is_text(batch.column(name).type)
    }
    if batch is None or not batch.num_rows:
        raise DataError(f"{table.path}: no rows; expected one for each text")
    name = max(words, key=words.__getitem__, default="")
    if words.get(name, 0) < WORDS:
        raise DataError(
            f"{table.path}: found no column whose cells have {WORDS} words or more, as texts do; "
            f"name it with --text NAME; there are: {listed(columns, MOST_NAMES)}"
        )
    why = f"its cells have most words, {words[name]:.0f} on average"
    findings.guessed("text column", name, why, option="--text NAME")
    return name


def _num_words(cells: Sequence[str]) -> float:
    """On average."""
    return mean(len(cell.split()) for cell in cells) if cells else 0


def _first_rows(path: Path, delimiter: str | None) -> list[list[str]]:
    text, is_whole = read_beginning(path)
    dialect = make_dialect(text, is_whole=is_whole, delimiter=delimiter, decimal=".")
    return first_rows(text, dialect.delimiter, is_whole=is_whole)
