"""A file of comma-separated text with a header line; also with semicolons, tabs or bars."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as arrow_csv

from distnet.errors import DataError

BLOCK_BYTES = 4 * 2**20
_DELIMITERS = ",;\t|"


class CsvTable:
    """One file.

    Raises:
        DataError: there is no header line.
    """

    index: tuple[str, ...] = ()
    """The file says of no column that it is one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        header = _header(path)
        self._delimiter = max(_DELIMITERS, key=header.count)
        self._ragged: arrow_csv.InvalidRow | None = None
        with self._reading():
            self.columns = tuple(self._open(None).schema.names)
        if all(_is_number(name) for name in self.columns):
            raise DataError(
                f"{path}:1: found numbers, expected names; "
                "put a line with the names of the columns on top"
            )

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Go through the rows, every cell as text."""
        with self._reading():
            yield from self._open(columns)

    def location(self, row: int) -> str:
        """The line of a row; empty lines do not count as rows."""
        with self.path.open("rb") as file:
            filled = (number for number, line in enumerate(file, 1) if line.strip(b"\r\n"))
            return f"{self.path}:{next(islice(filled, row + 1, None), '?')}"

    def _open(self, columns: Sequence[str] | None) -> arrow_csv.CSVStreamingReader:
        names = self.columns if columns is not None else ()
        return arrow_csv.open_csv(
            self.path,
            read_options=arrow_csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES),
            parse_options=arrow_csv.ParseOptions(
                delimiter=self._delimiter, invalid_row_handler=self._refuse
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
            if self._ragged is None:
                reason = str(error).splitlines()[0]
                raise DataError(f"{self.path}: cannot be read as UTF-8 CSV: {reason}") from None
            row = self._ragged
            raise DataError(
                f"{self.location(row.number - 2)}: {row.actual_columns} cells, expected "
                f"{row.expected_columns} as in the header: {row.text[:80]!r}; fix the line"
            ) from None


def _header(path: Path) -> str:
    try:
        with path.open("rb") as file:
            line = next((line for line in file if line.strip()), b"")
            return line.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 ({error.reason}); save it as UTF-8") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True
