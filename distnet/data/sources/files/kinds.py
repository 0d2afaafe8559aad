"""The kinds of files that lie in folders, by the suffixes of their names."""

from dataclasses import dataclass

from distnet.data.csv.file import SUFFIXES as OF_CSV
from distnet.data.images.formats import SUFFIXES as OF_IMAGES
from distnet.data.sounds.sound_file import SUFFIXES as OF_RECORDINGS
from distnet.data.sources.tables.parquet_table import SUFFIXES as OF_PARQUET
from distnet.data.sources.texts.utf8 import SUFFIXES as OF_TEXTS


@dataclass(frozen=True)
class FileKind:
    """Which files are read."""

    plural: str
    """What they are, for messages."""
    suffixes: frozenset[str]
    example: str
    """One of the suffixes."""

    def has(self, name: str) -> bool:
        """Whether a file of this name is one."""
        return name.lower().endswith(tuple(self.suffixes))


IMAGES = FileKind("images", frozenset(OF_IMAGES), ".jpg")
RECORDINGS = FileKind("recordings", frozenset(OF_RECORDINGS), ".wav")
TABLES = FileKind("tables", frozenset((*OF_CSV, *OF_PARQUET)), ".csv")
TEXTS = FileKind("texts", TABLES.suffixes | set(OF_TEXTS), ".txt")
IMAGES_OR_PARQUET = FileKind("images", IMAGES.suffixes | set(OF_PARQUET), ".jpg")


def kind_for(field: str) -> FileKind:
    """The files from which samples of a kind of field can be read."""
    known = {"image": IMAGES_OR_PARQUET, "audio": RECORDINGS, "tokens": TEXTS}
    return known.get(field, TABLES)
