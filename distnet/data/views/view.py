"""What a view is: it makes samples of the rows of a dataset, as a language model cuts a text.

A view is constructed as `View(data, **options)`, where `data` is the dataset's manifest and the
options are those of the job file's `data.view`. Without a view, each row is one sample.
"""

from collections.abc import Mapping
from typing import Protocol

from distnet.data.column import Columns, Ints
from distnet.data.fields.field import Field


class View(Protocol):
    """Makes samples of rows; a split must fit in memory for that.

    Optional members:
        whole: the fields that a prediction is made for, where samples are parts of those: an image,
            of which crops are trained on.
    """

    fields: Mapping[str, Field]
    """Of a sample, as a task sees them."""
    reads: tuple[str, ...]
    """The columns of the dataset that it needs."""

    def num_samples(self, split: str) -> int:
        """Samples of a split, from the manifest alone."""
        ...

    def take(self, columns: Columns, ids: Ints, split: str) -> Columns:
        """The samples with these indices [n], from all rows of a split."""
        ...
