"""Tables of numbers, from any kind of file: columns chosen, checked, turned into samples.

A table is read twice: first to find all faults and the classes, then for the samples.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa

from distnet.data.column import Columns
from distnet.data.features.form import TableForm
from distnet.data.fields.vector import VectorField
from distnet.data.sources._like import Like
from distnet.data.sources.source import Chunks, RawData
from distnet.data.sources.tables.classes import Encode
from distnet.data.sources.tables.columns import ColumnCheck, raise_faults
from distnet.data.sources.tables.features import make_features
from distnet.data.sources.tables.index_columns import index_columns, leave_out_index
from distnet.data.sources.tables.missing import with_missing
from distnet.data.sources.tables.table import Table
from distnet.data.sources.tables.targets import TargetSurvey
from distnet.data.survey.summary import Findings
from distnet.errors import DataError
from distnet.spec.plural import listed

T = TypeVar("T", bound=Table)
LIKELY_TARGETS = ("target", "label", "labels", "class", "y")
MOST_NAMES = 20


@dataclass(frozen=True)
class TableOptions:
    """What a user says of a table."""

    target: Sequence[str] = ()
    target_kind: str | None = None
    classes: Sequence[str] = ()
    drop: Sequence[str] = ()
    category: Sequence[str] = ()
    """Columns that hold categories, whatever their cells are."""
    form: TableForm = TableForm()
    """What another table needs to be read in the same way."""


def read_tables(
    splits: Mapping[str, Sequence[Table]],
    options: TableOptions,
    findings: Findings,
    like: Like | None = None,
) -> RawData:
    """Make samples of the rows: the target columns are `y`, all others are `x`.

    Args:
        splits: the tables of each.
        options: of the user.
        findings: of the import.
        like: the fields of a dataset whose categories, and means for missing numbers, are taken.

    Raises:
        DataError: columns are missing, hold text, or the target does not fit its kind.
    """
    splits = {
        s: [with_missing(t, options.form.missing) for t in part] for s, part in splits.items()
    }
    tables = train_first(splits)
    index = index_columns(tables)
    columns = common_columns(tables, index)
    targets = choose_targets(tables[0].path, columns, options.target, findings)
    columns = leave_out_index(columns, index, (*targets, *options.drop), findings)
    names = _choose_features(tables[0].path, columns, targets, options)
    findings.read("columns", len(names) + len(targets))
    for name in dict.fromkeys(options.drop):
        findings.left_out("columns", "named by --drop", example=repr(name))
    checks = _checks(names, options, like)
    survey = TargetSurvey(
        targets, kind=options.target_kind, classes=options.classes, findings=findings
    )
    for split, table, first, batch in batches_of(splits, (*names, *targets), findings):
        for check in checks:
            check.add(batch.column(check.name), first, table.location, split=split)
        survey.add(batch, first, table, split=split)
    raise_faults(tables[0].path, checks)
    y, encode = survey.finish()
    x = make_features(checks, tables, findings)
    return RawData(
        fields={"x": x, "y": y},
        splits={split: _chunks(part, x, targets, encode) for split, part in splits.items()},
        num_samples=survey.num_rows,
        table=None if options.form == TableForm() else options.form,
        gaps=tuple(check.name for check in checks if check.has_gaps),
        findings=findings,
    )


def _checks(names: Sequence[str], options: TableOptions, like: Like | None) -> list[ColumnCheck]:
    learned = (like or {}).get("x")
    known = learned.features if isinstance(learned, VectorField) else ()
    given = {feature.name: feature for feature in known}
    return [
        ColumnCheck(name, given.get(name), is_category=name in options.category) for name in names
    ]


def train_first(splits: Mapping[str, Sequence[T]]) -> list[T]:
    """All tables, those of the training split first: others are compared with it."""
    order = sorted(splits, key="train".__ne__)
    return [table for split in order for table in splits[split]]


def common_columns(tables: Sequence[Table], index: Collection[str] = ()) -> tuple[str, ...]:
    """The columns that all files have.

    Args:
        tables: the files.
        index: columns that a file need not have.

    Raises:
        DataError: the files have different columns, or a name occurs twice.
    """
    first = tables[0]
    for name in first.columns:
        if first.columns.count(name) > 1:
            raise DataError(f"{first.path}: two columns are called {name!r}; rename one")
    for table in tables[1:]:
        lacks = [name for name in first.columns if name not in (*table.columns, *index)]
        more = [name for name in table.columns if name not in (*first.columns, *index)]
        if lacks or more:
            odd = [f"has no {', '.join(map(repr, lacks[:MOST_NAMES]))}"] if lacks else []
            odd += [f"also has {', '.join(map(repr, more[:MOST_NAMES]))}"] if more else []
            raise DataError(
                f"{table.path}: other columns than {first.path.name}: it {' and '.join(odd)}; all "
                "files need the same columns, also that of the target, so move the file elsewhere "
                "if it is not part of the data"
            )
    return tuple(name for name in first.columns if all(name in table.columns for table in tables))


def choose_targets(
    path: Path, columns: Sequence[str], target: Sequence[str], findings: Findings
) -> tuple[str, ...]:
    """The columns to learn: those named, else the one with a usual name.

    Raises:
        DataError: there is no such column.
    """
    for name in target:
        check_column(path, columns, name, "--target")
        if target.count(name) > 1:
            raise DataError(f"--target names the column {name!r} twice")
    if target:
        return tuple(target)
    likely = [name for name in columns if name.lower() in LIKELY_TARGETS]
    if len(likely) != 1:
        found = f"several columns that may be the target: {', '.join(likely)}"
        raise DataError(
            f"{path}: found {found if likely else 'no target column'}; name it with --target NAME; "
            f"there are: {listed(columns, MOST_NAMES)}"
        )
    why = f"the only column called one of {', '.join(LIKELY_TARGETS)}"
    findings.guessed("target column", likely[0], why, option="--target NAME")
    return (likely[0],)


def batches_of(
    splits: Mapping[str, Sequence[T]], columns: Sequence[str], findings: Findings
) -> Iterator[tuple[str, T, int, pa.RecordBatch]]:
    """Go through all rows.

    Yields:
        The split, the table, the number of the batch's first row in it, and the batch.

    Raises:
        DataError: a split has no rows.
    """
    for split, tables in splits.items():
        num_rows = 0
        for table in tables:
            first = 0
            for batch in table.batches(columns):
                yield split, table, first, batch
                first += batch.num_rows
            if first == 0:
                findings.left_out("files", "no rows", example=str(table.path))
            num_rows += first
        if num_rows == 0:
            raise DataError(f"{tables[0].path}: no rows")


def _choose_features(
    path: Path, columns: Sequence[str], targets: Sequence[str], options: TableOptions
) -> tuple[str, ...]:
    for option, named in (("--drop", options.drop), ("--category", options.category)):
        for name in named:
            check_column(path, columns, name, option)
            if name in targets:
                raise DataError(f"{path}: {option} names the target column {name!r}; choose one")
    left_out = (*targets, *options.drop)
    features = tuple(name for name in columns if name not in left_out)
    if not features:
        raise DataError(
            f"{path}: no feature columns are left besides {listed(targets, MOST_NAMES)}"
        )
    return features


def check_column(path: Path, columns: Sequence[str], name: str, option: str) -> None:
    """Check that there is a column that an option names.

    Raises:
        DataError: there is none.
    """
    if name not in columns:
        nearest = get_close_matches(name, columns, 1)
        raise DataError(
            f"{path}: no column {name!r} for {option}; there are: {listed(columns, MOST_NAMES)}"
            + (f"; did you mean {nearest[0]!r}?" if nearest else "")
        )


def _chunks(
    tables: Sequence[Table], x: VectorField, targets: Sequence[str], encode: Encode
) -> Chunks:
    """Go through the rows of a split."""
    features, origins = x.features, x.origins
    names = tuple(feature.name for feature in features)

    def chunks() -> Iterator[Columns]:
        for table in tables:
            for batch in table.batches((*names, *targets)):
                rows, low = np.empty((batch.num_rows, *x.shape), np.float32), 0
                for feature in features:
                    high = low + feature.width
                    column = batch.column(feature.name)
                    rows[:, low:high] = feature.encode(column, origins[low:high])
                    low = high
                yield {"x": rows, "y": encode(batch)}

    return chunks
