"""The kinds of files that lie in folders, by the suffixes of their names."""

from dataclasses import dataclass

from distnet.data.images.formats import SUFFIXES as OF_IMAGES
from distnet.data.sounds.sound_file import SUFFIXES as OF_RECORDINGS


@dataclass(frozen=True)
class FileKind:
    """Which files are read."""

    plural: str
    """What they are, for messages."""
    suffixes: frozenset[str]
    example: str
    """One of the suffixes."""


IMAGES = FileKind("images", frozenset(OF_IMAGES), ".jpg")
RECORDINGS = FileKind("recordings", frozenset(OF_RECORDINGS), ".wav")
