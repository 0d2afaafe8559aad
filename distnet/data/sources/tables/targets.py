"""The target of a table: whether it holds classes or numbers, and how it is stored.

Where it is not set, `guess.py` decides by the content. What was decided is reported.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from distnet.data.fields.field import Field
from distnet.data.fields.number import NumberField
from distnet.data.sources.files.class_names import check_names
from distnet.data.sources.tables.cells import LARGEST, is_float, is_text, parse_numbers, to_float32
from distnet.data.sources.tables.classes import MOST_CLASSES, Encode, make_classes
from distnet.data.sources.tables.columns import Location
from distnet.data.sources.tables.guess import guess_class
from distnet.data.sources.tables.labels import (
    NUMBERS_OR_TEXT,
    TEXT,
    LabelError,
    LabelsSeen,
    family,
    label_texts,
)
from distnet.data.sources.tables.one_hot import OneHotColumns
from distnet.data.sources.tables.precision import Precision, origins_of
from distnet.data.sources.tables.table import Table
from distnet.data.survey.summary import Findings
from distnet.errors import DataError


class TargetSurvey:
    """Read the target columns, then decide how they become `y`.

    Args:
        columns: the target columns; more than one are numbers, or one-hot classes.
        kind: `class` or `number`; None decides by the content.
        classes: names of all classes, in the order of their index.
        findings: takes what was decided.

    Raises:
        DataError: the options contradict one another.
    """

    def __init__(
        self,
        columns: Sequence[str],
        *,
        kind: str | None,
        classes: Sequence[str],
        findings: Findings,
    ) -> None:
        check_names(classes)
        if len(columns) > 1 and classes:
            raise DataError(
                f"--classes names the classes of one column, but --target names {len(columns)}"
            )
        if kind == "number" and classes:
            raise DataError("--classes names classes, but --target-kind is number; give one")
        self._columns, self._classes, self._findings = tuple(columns), tuple(classes), findings
        self._is_number = kind == "number" or len(columns) > 1
        self._is_class = kind == "class" or bool(classes)
        self._one_hot = OneHotColumns(columns if kind != "number" else ())
        self._labels = LabelsSeen(MOST_CLASSES)
        self._categories: dict[str | None, None] = {}
        self._families: dict[str, Callable[[], str]] = {}
        self._precisions = {name: Precision(name) for name in columns}
        # The first cell that is missing, or no number: where it is, and what to do.
        self._missing = self._not_number = self._gap = self._gap_at = ""
        self._holds_text = False
        self.num_rows = 0

    def add(self, batch: pa.RecordBatch, first: int, table: Table, *, split: str) -> None:
        """Read some rows of a split, of which the first is row `first` of its table.

        Raises:
            DataError: a target is missing, or not a finite number where a number is required.
        """
        shifted = partial(_shifted, table.location, first)
        for name in self._columns if batch.num_rows else ():
            column = batch.column(name)
            self._holds_text |= table.has_types and is_text(column.type)
            self._add_numbers(name, column, shifted)
            if not self._is_number and not self._labels.has_too_many:
                texts = self._texts(name, column, shifted)
                self._labels.add(texts, split, shifted, file=str(table.path))
        self._one_hot.add(batch)
        self.num_rows += batch.num_rows

    def finish(self) -> tuple[Field, Encode]:
        """Decide, from all rows, what the target is.

        Raises:
            DataError: a label is not one of the classes, there are too many classes, or it is not
                clear what the target is.
        """
        if self._one_hot.is_possible:
            why = f"every row of {len(self._columns)} holds one 1 and else 0: one-hot"
            self._report_kind("class", why)
            return self._one_hot.classes()
        if self._is_class and len(self._columns) > 1:
            raise DataError(
                f"the {len(self._columns)} target columns are not one-hot, so they can only be "
                "numbers; name one column for classes"
            )
        # `none` may be the name of a class, but among numbers it is a gap.
        if self._missing and not self._not_number and self._gap not in self._classes:
            raise DataError(self._missing)
        if self._is_class or (not self._is_number and self._guess_class()):
            if self._missing and not self._classes:
                self._findings.warned(
                    "class named as a missing value",
                    "it is a class, as the labels are text",
                    example=f"{self._gap_at}: {self._gap!r}",
                    option="remove those rows",
                )
            self._report_unused()
            return make_classes(self._columns[0], self._labels, self._classes, self._findings)
        return self._numbers()

    def _add_numbers(self, name: str, column: pa.Array, location: Location) -> None:
        numbers, missing = parse_numbers(column)
        self._precisions[name].add(column, numbers)
        bad = ~missing & ~(np.abs(numbers) <= LARGEST)
        if missing.any() and not self._missing:
            row = int(missing.argmax())
            self._gap, self._gap_at = str(column[row].as_py()).strip(), location(row)
            self._missing = _missing(self._gap_at, name)
        if bad.any() and not self._not_number:
            row = int(bad.argmax())
            self._not_number = (
                f"{location(row)}: the target {name!r} is {column[row].as_py()!r}, "
                "expected a finite number"
            )
        if self._is_number or is_float(column.type):
            fault = self._not_number or self._missing
            if fault:
                raise DataError(fault)

    def _texts(self, name: str, column: pa.Array, location: Location) -> pa.Array:
        held = family(column.type)
        self._families.setdefault(held, partial(location, 0))
        for other, where in self._families.items():
            if other != held:
                raise DataError(
                    f"{location(0)}: the target {name!r} holds {held}, but {other} at {where()}; "
                    "store the labels of all files in one type"
                )
        try:
            texts = label_texts(column, self._classes)
            if pa.types.is_dictionary(column.type) and len(column.dictionary) <= MOST_CLASSES:
                self._categories |= dict.fromkeys(label_texts(column.dictionary).to_pylist())
        except LabelError as error:
            raise DataError(f"{location(error.row)}: the target {name!r} {error}") from None
        if texts.null_count:
            raise DataError(_missing(location(pc.index(texts.is_null(), True).as_py()), name))
        return texts

    def _guess_class(self) -> bool:
        (held,) = self._families
        if self._holds_text and held == NUMBERS_OR_TEXT:
            held = TEXT
        is_class, why = guess_class(self._labels, held, self._not_number, self.num_rows)
        self._report_kind("class" if is_class else "number", why)
        return is_class

    def _report_kind(self, kind: str, why: str) -> None:
        option = "--target-kind " + ("number" if kind == "class" else "class")
        self._findings.guessed("kind of target", kind, why, option=option)

    def _report_unused(self) -> None:
        """Report categories, as pandas has them, that no sample belongs to."""
        unused = [text for text in self._categories if text and text not in self._labels]
        if unused and not self._classes and not self._labels.has_too_many:
            why, option = "no sample has them, so they are not classes", "--classes A,B,..."
            example = repr(unused[0])
            self._findings.left_out(
                "categories", why, example=example, count=len(unused), option=option
            )

    def _numbers(self) -> tuple[Field, Encode]:
        precisions = list(self._precisions.values())
        for precision in precisions:
            if precision.fault:
                raise DataError(f"the target {precision.fault}")
            precision.report(self._findings)
        origins = {precision.name: precision.origin for precision in precisions}

        def encode(batch: pa.RecordBatch) -> NDArray[Any]:
            columns = [to_float32(batch.column(name), at) for name, at in origins.items()]
            return np.stack(columns, axis=1)

        names = self._columns
        field = NumberField(shape=(len(names),), names=names, origin=origins_of(precisions))
        return field, encode


def _missing(location: str, name: str) -> str:
    return f"{location}: the target {name!r} is missing; fill it in or remove the row"


def _shifted(location: Location, first: int, row: int) -> str:
    return location(first + row)
