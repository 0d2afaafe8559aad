"""A file of comma-separated text with a header line; also with semicolons, tabs or bars."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from distnet.data.csv.dialect import WITH_COMMA, WITH_POINT, Dialect, make_dialect
from distnet.data.csv.file import not_utf8, read_beginning, undecodable_line
from distnet.data.csv.header import check_header, column_names, numbered
from distnet.data.csv.rows import broken_quote, num_empty_lines, row_lines
from distnet.errors import DataError

BLOCK_BYTES = 4 * 2**20
LARGEST_BLOCK_BYTES = 2**28
_STRADDLES = "straddl"  # of Arrow's message


class CsvTable:
    """One file.

    Args:
        path: the file.
        delimiter: between the cells; by default recognised.
        decimal: the decimal mark of numbers, a point or a comma; by default recognised.
        thousands: the mark between groups of three digits; by default there is none.
        has_header: whether the first line names the columns; else they are called 1, 2, ...

    Raises:
        DataError: there is no header line where one is expected.
    """

    has_types = False
    index: tuple[str, ...] = ()
    """The file says of no column that it is one."""

    def __init__(
        self,
        path: Path,
        delimiter: str | None = None,
        decimal: str | None = None,
        *,
        thousands: str = "",
        has_header: bool = True,
    ) -> None:
        self.path, self._has_header = path, has_header
        text, is_whole = read_beginning(path)
        self.dialect = make_dialect(
            text, is_whole=is_whole, delimiter=delimiter, decimal=decimal, thousands=thousands
        )
        _check_quotes(path, self.dialect.delimiter)
        if has_header:
            check_header(path, text, self.dialect.delimiter, is_whole=is_whole)
        self._num_empty = num_empty_lines(text)
        self._ragged: arrow_csv.InvalidRow | None = None
        with self._reading():
            first = self._first_row(BLOCK_BYTES)
        self.columns = column_names(first) if has_header else numbered(first)

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Go through the rows, every cell as text, numbers with a decimal point.

        Raises:
            DataError: a row has too few or too many cells, or numbers have both decimal marks.
        """
        num_rows, block_bytes = 0, BLOCK_BYTES
        with self._reading():
            while block_bytes:
                try:
                    for batch in _after(num_rows, self._open(columns, block_bytes)):
                        yield self._with_points(batch, num_rows)
                        num_rows += batch.num_rows
                    block_bytes = 0
                except pa.ArrowInvalid as error:
                    block_bytes = _larger_block(block_bytes, error)

    def location(self, row: int) -> str:
        """The line on which a row begins; empty lines do not count as rows."""
        return f"{self.path}:{self._line(row + self._has_header) or '?'}"

    def _line(self, row: int) -> int | None:
        """The line on which row `row` begins; a header is row 0."""
        return next(islice(row_lines(self.path, self.dialect.delimiter), row, None), None)

    def _first_row(self, block_bytes: int) -> list[str]:
        try:
            cells: list[str] = self._open(None, block_bytes).schema.names
        except pa.ArrowInvalid as error:
            return self._first_row(_larger_block(block_bytes, error))
        return cells

    def _open(
        self, columns: Sequence[str] | None, block_bytes: int
    ) -> arrow_csv.CSVStreamingReader:
        names = () if columns is None else self.columns
        return arrow_csv.open_csv(
            self.path,
            read_options=arrow_csv.ReadOptions(
                use_threads=False,
                block_size=block_bytes,
                column_names=list(names),
                # Arrow counts the empty lines above the header here, and only here.
                skip_rows_after_names=self._num_empty + self._has_header if names else 0,
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=self.dialect.delimiter,
                newlines_in_values=True,
                invalid_row_handler=self._refuse,
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                include_columns=list(columns or ()),
                strings_can_be_null=False,
            ),
        )

    def _refuse(self, row: arrow_csv.InvalidRow) -> str:
        self._ragged = row  # Arrow swallows exceptions raised here
        return "error"

    def _with_points(self, batch: pa.RecordBatch, first: int) -> pa.RecordBatch:
        """Write numbers plainly, with a decimal point; `first` is the number of the first row."""
        if self.dialect.thousands:
            cells = [_without_marks(column, self.dialect) for column in batch.columns]
            batch = pa.RecordBatch.from_arrays(cells, schema=batch.schema)
        if self.dialect.decimal == ".":
            return batch
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            row = pc.index(pc.match_substring_regex(column, WITH_POINT), True).as_py()
            if row >= 0:
                raise DataError(
                    f"{self.location(first + row)}: {name!r} is {column[row].as_py()!r}, but the "
                    "decimal mark of this file is a comma; write its numbers alike, or set "
                    "its marks: --thousands . or --decimal ."
                )
        columns = map(_with_point, batch.columns)
        return pa.RecordBatch.from_arrays(list(columns), schema=batch.schema)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except (pa.ArrowException, OSError) as error:
            raise DataError(self._fault(str(error).splitlines()[0])) from None

    def _fault(self, reason: str) -> str:
        row = self._ragged
        line = undecodable_line(self.path) if row is None else None
        if line is not None:
            return f"{self.path}:{line}: {not_utf8(self.path)}"
        if row is None:
            return f"{self.path}: cannot be read as UTF-8 CSV: {reason}"
        cells = "1 cell" if row.actual_columns == 1 else f"{row.actual_columns} cells"
        model = "header" if self._has_header else "first row"
        return (
            f"{self.path}:{self._line(row.number - 1)}: {cells}, expected "
            f"{row.expected_columns} as in the {model}: {row.text[:80]!r}; fix the line, or set "
            f"the delimiter (read as {self.dialect.name}) with --delimiter"
        )


def _without_marks(column: pa.Array, dialect: Dialect) -> pa.Array:
    is_grouped = pc.match_substring_regex(column, dialect.grouped)
    return pc.if_else(is_grouped, pc.replace_substring_regex(column, dialect.marks, ""), column)


def _with_point(column: pa.Array) -> pa.Array:
    has_comma = pc.match_substring_regex(column, WITH_COMMA)
    return pc.if_else(has_comma, pc.replace_substring(column, ",", "."), column)


def _larger_block(block_bytes: int, error: pa.ArrowInvalid) -> int:
    """A larger block, where the error says that a row is longer than this one."""
    if _STRADDLES not in str(error) or block_bytes >= LARGEST_BLOCK_BYTES:
        raise error
    return block_bytes * 8


def _check_quotes(path: Path, delimiter: str) -> None:
    line = broken_quote(path, delimiter)
    if line is not None:
        raise DataError(
            f'{path}:{line}: the row that begins here has a quote (") that is not closed, or that '
            "is closed in a later line inside of a cell; a quote inside a cell is written twice"
        )


def _after(num_rows: int, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Go through batches without their first rows."""
    for batch in batches:
        num_skipped = min(num_rows, batch.num_rows)
        num_rows -= num_skipped
        yield batch.slice(num_skipped)
