"""Checkpoints in a folder: written under a temporary name, then renamed.

    step-00000938/                    a checkpoint
    .partial-3-step-00001876/         one that attempt 3 is writing, or left when it was killed
    damaged-step-00000469/            one that was altered, with the reason in reason.txt

Every file is synced before the rename, and the folder after it: a checkpoint is whole or absent,
whenever the machine stops. Source: Pillai et al. 2014, "All File Systems Are Not Created Equal".
"""

import os
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from distnet.errors import RunError
from distnet.train.checkpoint import durable
from distnet.train.checkpoint.durable import MANIFEST, NewFile, Piece

NAME = re.compile(r"step-[0-9]+")
LEFT = re.compile(r"\.partial-(?:(?P<attempt>[0-9]+)-)?step-[0-9]+")


class LocalStore:
    """The checkpoints below one folder, which need not exist yet.

    Args:
        folder: the folder.
        shown: its name in records; its path by default.
    """

    def __init__(self, folder: Path, *, shown: str | None = None) -> None:
        self.folder, self._shown = folder, shown or str(folder)

    def names(self) -> list[str]:
        """Those that are there, oldest first, not verified."""
        found = [path.name for path in self.folder.glob("step-*") if NAME.fullmatch(path.name)]
        return sorted(found, key=lambda name: int(name[5:]))

    def address(self, name: str = "") -> str:
        """Where one is, for messages."""
        return f"{self._shown}/{name}".rstrip("/")

    def read(self, name: str, file: str) -> bytes:
        """One file of one checkpoint.

        Raises:
            OSError: it is not there, or cannot be read.
        """
        return (self.folder / name / file).read_bytes()

    def draft(self, name: str, attempt: int) -> "LocalDraft":
        """Begin to write one, under a name that contains the attempt's number."""
        partial = self.folder / f".partial-{attempt}-{name}"
        durable.make_folder(self.folder)
        durable.remove_tree(partial)
        durable.make_folder(partial)
        return LocalDraft(partial, self.folder / name)

    def remove(self, name: str) -> None:
        """Remove one: renamed first, so that no reader finds half of it."""
        left = self.folder / f".partial-0-{name}"
        with suppress(OSError):
            durable.rename(self.folder / name, left)
        durable.remove_tree(left)

    def set_aside(self, name: str, reason: str) -> None:
        """Keep a damaged one under another name; of several workers the first one does."""
        taken = len(list(self.folder.glob(f"damaged-{name}*")))
        aside = self.folder / (f"damaged-{name}" + (f"-{taken + 1}" if taken else ""))
        with suppress(OSError):  # another worker was faster, or the folder is read-only
            durable.rename(self.folder / name, aside)
            (aside / "reason.txt").write_text(reason + "\n", "utf-8")

    def has_damaged(self) -> bool:
        """Whether one was set aside."""
        return any(self.folder.glob("damaged-*"))

    def clean(self, attempt: int) -> None:
        """Remove what attempts up to this one left half-written; newer ones' is not touched."""
        for path in self.folder.glob(".partial-*"):
            left = LEFT.fullmatch(path.name)
            if left and int(left["attempt"] or 0) <= attempt:
                durable.remove_tree(path)

    def check(self) -> None:
        """Make sure, without writing, that checkpoints can be written here.

        Raises:
            RunError: they cannot.
        """
        nearest = self.folder
        while not nearest.exists() and nearest != nearest.parent:
            nearest = nearest.parent
        if not nearest.is_dir():
            raise RunError(f"found {nearest}, which is a file; expected a folder")
        if not os.access(nearest, os.W_OK | os.X_OK):
            raise RunError(
                f"found {nearest}, which is not writable; expected a folder that you may write to"
            )


class LocalDraft:
    """A checkpoint that is being written under a temporary name."""

    def __init__(self, partial: Path, target: Path) -> None:
        self._partial, self._target = partial, target

    def put(self, file: str, pieces: Iterable[Piece]) -> str:
        """Write one file and wait until the disk has it; returns its path in the checkpoint."""
        durable.write(self._partial / file, pieces)
        return file

    def create(self, file: str) -> NewFile:
        """Begin to write one file, piece by piece."""
        return NewFile(self._partial / file)

    def commit(self, manifest: bytes, allow: Callable[[], None]) -> None:
        """Write the manifest, then rename; durable when this returns."""
        durable.write(self._partial / MANIFEST, [manifest])
        durable.sync_folder(self._partial)
        allow()
        durable.rename(self._partial, self._target)
        durable.sync_folder(self._target.parent)

    def discard(self) -> None:
        """Remove what was written, as far as that is possible."""
        durable.remove_tree(self._partial)
