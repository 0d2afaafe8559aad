"""A file of comma-separated text with a header line; also with semicolons, tabs or bars."""

from codecs import getincrementaldecoder
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as arrow_csv

from distnet.data.csv_dialect import (
    SAMPLE_BYTES,
    Dialect,
    broken_quote,
    recognise,
    row_lines,
    undecodable_line,
)
from distnet.errors import DataError

BLOCK_BYTES = 4 * 2**20
LARGEST_BLOCK_BYTES = 2**28
_STRADDLES = "straddl"  # of Arrow's message


class CsvTable:
    """One file.

    Args:
        path: the file.
        delimiter: between the cells; by default recognised.

    Raises:
        DataError: there is no header line.
    """

    has_types = False
    index: tuple[str, ...] = ()
    """The file says of no column that it is one."""

    def __init__(self, path: Path, delimiter: str | None = None) -> None:
        self.path = path
        beginning, is_whole = _beginning(path)
        self.dialect = Dialect(delimiter) if delimiter else recognise(beginning, is_whole=is_whole)
        _check_quotes(path, self.dialect.delimiter)
        self._ragged: arrow_csv.InvalidRow | None = None
        with self._reading():
            self.columns = self._names(BLOCK_BYTES)
        if all(_is_number(name) for name in self.columns):
            raise DataError(
                f"{path}:1: found numbers, expected names; "
                "put a line with the names of the columns on top"
            )

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Go through the rows, every cell as text."""
        num_rows, block_bytes = 0, BLOCK_BYTES
        with self._reading():
            while block_bytes:
                try:
                    for batch in _after(num_rows, self._open(columns, block_bytes)):
                        num_rows += batch.num_rows
                        yield batch
                    block_bytes = 0
                except pa.ArrowInvalid as error:
                    block_bytes = _larger_block(block_bytes, error)

    def location(self, row: int) -> str:
        """The line on which a row begins; empty lines do not count as rows."""
        return f"{self.path}:{self._line(row + 1) or '?'}"

    def _line(self, row: int) -> int | None:
        """The line on which row `row` begins; the header is row 0."""
        return next(islice(row_lines(self.path, self.dialect.delimiter), row, None), None)

    def _names(self, block_bytes: int) -> tuple[str, ...]:
        try:
            return tuple(self._open(None, block_bytes).schema.names)
        except pa.ArrowInvalid as error:
            return self._names(_larger_block(block_bytes, error))

    def _open(
        self, columns: Sequence[str] | None, block_bytes: int
    ) -> arrow_csv.CSVStreamingReader:
        names = self.columns if columns is not None else ()
        return arrow_csv.open_csv(
            self.path,
            read_options=arrow_csv.ReadOptions(use_threads=False, block_size=block_bytes),
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
            return f"{self.path}:{line}: not UTF-8; save the file as UTF-8"
        if row is None:
            return f"{self.path}: cannot be read as UTF-8 CSV: {reason}"
        return (
            f"{self.path}:{self._line(row.number - 1)}: {row.actual_columns} cells, expected "
            f"{row.expected_columns} as in the header: {row.text[:80]!r}; fix the line, or set the "
            f"delimiter (read as {self.dialect.name}) with --delimiter"
        )


def _larger_block(block_bytes: int, error: pa.ArrowInvalid) -> int:
    """A larger block, where the error says that a row is longer than this one."""
    if _STRADDLES not in str(error) or block_bytes >= LARGEST_BLOCK_BYTES:
        raise error
    return block_bytes * 8


def _beginning(path: Path) -> tuple[str, bool]:
    """The first part of the text, and whether it is all of it."""
    try:
        with path.open("rb") as file:
            content = file.read(SAMPLE_BYTES + 1)
        is_whole = len(content) <= SAMPLE_BYTES
        return getincrementaldecoder("utf-8-sig")().decode(content, final=is_whole), is_whole
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 ({error.reason}); save it as UTF-8") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None


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


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True
