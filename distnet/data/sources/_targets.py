"""The target of a table: whether it holds classes or numbers, and which classes.

By default a column is a class when it holds text, or at most 20 different whole
numbers that each occur twice on average; otherwise it is a number to predict.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from distnet.data.fields.class_ import ClassField
from distnet.data.fields.field import Field
from distnet.data.fields.number import NumberField
from distnet.data.sources._cells import LARGEST, holds_numbers, parse_numbers, parse_texts
from distnet.data.sources._columns import Location
from distnet.data.sources._names import check_names, natural_order
from distnet.errors import DataError

MOST_GUESSED_CLASSES = 20
MOST_CLASSES = 10_000
Encode = Callable[[pa.RecordBatch], NDArray[Any]]


class TargetSurvey:
    """Read the target columns, then decide how they become `y`.

    Args:
        columns: the target columns; more than one are numbers.
        kind: `class` or `number`; None decides by the content.
        classes: names of all classes, in the order of their index.
    """

    def __init__(self, columns: Sequence[str], *, kind: str | None, classes: Sequence[str]) -> None:
        check_names(classes)
        if len(columns) > 1 and (kind == "class" or classes):
            raise DataError(
                f"{len(columns)} target columns can only be numbers; name one for classes"
            )
        self._columns, self._kind, self._classes = tuple(columns), kind, tuple(classes)
        # Each value, and a function that describes where it occurs first.
        self._values: dict[float, Callable[[], str]] = {}
        self._texts: dict[str, Callable[[], str]] = {}
        self._not_number = self._missing = ""
        self.num_rows = 0

    def add(self, batch: pa.RecordBatch, first: int, location: Location) -> None:
        """Read some rows, of which the first is row `first` of its file.

        Raises:
            DataError: a target is missing, or not a finite number where a number is required.
        """
        for name in self._columns:
            self._add_column(name, batch.column(name), partial(_shifted, location, first))
        self.num_rows += batch.num_rows

    def finish(self) -> tuple[Field, Encode]:
        """Decide, from all rows, what the target is.

        Raises:
            DataError: a label is not one of the classes, or there are too many classes.
        """
        # `none` may be the name of a class, but among numbers it is a gap.
        if self._missing and not self._not_number:
            raise DataError(self._missing)
        if not self._is_class():
            names = self._columns
            return NumberField(shape=(len(names),), names=names), self._encode_numbers
        if self._not_number:
            return self._text_classes()
        if self._classes and not any(name in self._texts for name in self._classes):
            return self._indexed_classes()
        if self._classes:
            return self._text_classes()
        return self._number_classes()

    def _add_column(self, name: str, column: pa.Array, location: Location) -> None:
        numbers, missing = parse_numbers(column)
        bad = ~missing & ~(np.abs(numbers) <= LARGEST)
        if missing.any() and not self._missing:
            at = int(missing.argmax())
            self._missing = (
                f"{location(at)}: the target {name!r} is missing; fill it in or remove it"
            )
            if not parse_texts(column)[at].as_py():
                raise DataError(self._missing)
        if bad.any() and not self._not_number:
            at = int(bad.argmax())
            self._not_number = (
                f"{location(at)}: the target {name!r} is {column[at].as_py()!r}, "
                "expected a finite number"
            )
            if self._kind == "number" or len(self._columns) > 1 or holds_numbers(column):
                raise DataError(self._not_number)
        if self._kind != "number" and len(self._columns) == 1:
            self._collect(column, numbers, location)

    def _collect(self, column: pa.Array, numbers: NDArray[np.float64], location: Location) -> None:
        if len(self._texts) > MOST_CLASSES:
            return
        texts = parse_texts(column)
        for text in pc.unique(texts).to_pylist():
            if text not in self._texts:
                row = pc.index(texts, text).as_py()
                self._texts[text] = partial(location, row)
                self._values.setdefault(float(numbers[row]), self._texts[text])

    def _is_class(self) -> bool:
        if self._kind is not None or len(self._columns) > 1:
            return self._kind == "class"
        if self._not_number or self._classes:
            return True
        few = len(self._values) <= min(MOST_GUESSED_CLASSES, self.num_rows // 2)
        return few and all(value.is_integer() for value in self._values)

    def _encode_numbers(self, batch: pa.RecordBatch) -> NDArray[np.float32]:
        columns = [parse_numbers(batch.column(name))[0] for name in self._columns]
        return np.stack(columns, axis=1).astype(np.float32)

    def _text_classes(self) -> tuple[Field, Encode]:
        self._check_number_of_classes(len(self._texts))
        classes = self._classes or tuple(natural_order(self._texts))
        for text, location in self._texts.items():
            if text not in classes:
                raise DataError(
                    f"{location()}: {text!r} is not one of the classes {', '.join(classes)}"
                )
        names = pa.array(classes, pa.string())

        def encode(batch: pa.RecordBatch) -> NDArray[np.int32]:
            texts = parse_texts(batch.column(self._columns[0]))
            found: NDArray[np.int32] = pc.index_in(texts, value_set=names).to_numpy()
            return found

        return ClassField(classes=classes), encode

    def _number_classes(self) -> tuple[Field, Encode]:
        self._check_number_of_classes(len(self._values))
        self._check_whole()
        values = np.array(sorted(self._values))
        classes = tuple(str(int(value)) for value in values)

        def encode(batch: pa.RecordBatch) -> NDArray[np.int32]:
            numbers, _ = parse_numbers(batch.column(self._columns[0]))
            return np.searchsorted(values, numbers).astype(np.int32)

        return ClassField(classes=classes), encode

    def _indexed_classes(self) -> tuple[Field, Encode]:
        self._check_whole()
        for value, location in self._values.items():
            if not 0 <= value < len(self._classes):
                raise DataError(
                    f"{location()}: label {value:g} is out of range; {len(self._classes)} classes "
                    f"are named, so labels go from 0 to {len(self._classes) - 1}"
                )

        def encode(batch: pa.RecordBatch) -> NDArray[np.int32]:
            return parse_numbers(batch.column(self._columns[0]))[0].astype(np.int32)

        return ClassField(classes=self._classes), encode

    def _check_whole(self) -> None:
        for value, location in self._values.items():
            if not value.is_integer():
                raise DataError(
                    f"{location()}: label {value:g} is not a whole number; "
                    "for numbers to predict use --target-kind number"
                )

    def _check_number_of_classes(self, num_classes: int) -> None:
        if num_classes > MOST_CLASSES:
            raise DataError(
                f"column {self._columns[0]!r} has more than {MOST_CLASSES} different values, too "
                "many for classes; name another column with --target, or use --target-kind number"
            )


def _shifted(location: Location, first: int, row: int) -> str:
    return location(first + row)
