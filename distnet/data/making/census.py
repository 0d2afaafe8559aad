"""The statistics of all fields and splits of a dataset, counted in one pass."""

from collections.abc import Mapping

from distnet.data.column import Columns
from distnet.data.fields.field import Field
from distnet.data.statistics import Facts, Statistics


class Census:
    """Counts samples, row group by row group in their order."""

    def __init__(self, fields: Mapping[str, Field]) -> None:
        self._fields = fields
        self._statistics: dict[str, dict[str, Statistics]] = {name: {} for name in fields}

    def add(self, split: str, columns: Columns) -> None:
        """Count some samples of a split."""
        for name, field in self._fields.items():
            counted = self._statistics[name]
            if split not in counted:
                counted[split] = field.statistics()
            counted[split].add(columns[name])

    def facts(self) -> dict[str, Facts]:
        """The facts of each field, from the samples counted so far."""
        return {n: field.described_by(self._statistics[n]) for n, field in self._fields.items()}

    def described(self) -> dict[str, Field]:
        """The fields, with these facts."""
        facts = self.facts()
        return {n: field.model_copy(update=facts[n]) for n, field in self._fields.items()}
