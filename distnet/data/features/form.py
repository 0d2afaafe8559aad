"""What `predict` must know of the table that a network learned from, to read others of its form."""

from distnet.data.fields.field import Record


class TableForm(Record):
    """Only what a table of the usual form does not have is set."""

    column: str = ""
    """The one that `x` was read from, where that is a single one, as of texts and images."""
    has_header: bool = True
    """Whether the first line of CSV names the columns; else they are called 1, 2, ..."""
    thousands: str = ""
    """The mark of thousands in numbers of CSV."""
    missing: tuple[str, ...] = ()
    """What stands for a missing value besides empty cells and the usual words."""
