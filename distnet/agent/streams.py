"""The logs that an attempt sends: growing files, read by offset.

The files in the run folder continue from attempt to attempt, so this attempt starts where the
server's copy ends: it also sends what an earlier attempt could not.
"""

import codecs
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from distnet.protocol.attempt import Piece
from distnet.run_folder.paths import RunFolder

RUN = "run"
METRICS = "metrics"
PIECE_BYTES = 256 * 2**10
REPORT_BYTES = 2**20
MOST_PIECES = 1000
"""In one report; the server takes no more."""
WORKER = re.compile(r"worker-[0-9]{1,6}")
ERRORS = "distnet-question-marks"


def _question_marks(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "?" * (error.end - error.start), error.end


codecs.register_error(ERRORS, _question_marks)


@dataclass
class Stream:
    """One file."""

    name: str
    path: Path
    starts_at: int = 0
    """The position in the file from which this attempt sends."""
    kept: int = 0
    """Bytes of this attempt's part that the server has."""

    def piece(self, most_bytes: int, *, is_last: bool) -> Piece | None:
        """Read the next piece; None if there is none.

        Args:
            most_bytes: the size limit.
            is_last: nothing will be appended; otherwise an incomplete character waits for its rest.
        """
        data = _read(self.path, self.starts_at + self.kept, most_bytes)
        is_end = is_last and len(data) < most_bytes
        text = as_text(data, is_end=is_end)
        return Piece(stream=self.name, offset=self.kept, text=text) if text else None


class Streams:
    """All files of one attempt.

    Args:
        folder: the run's.
        output: what the agent's process prints; a file of this attempt only.
        kept: bytes of each stream that the server has of earlier attempts.
    """

    def __init__(self, folder: RunFolder, *, output: Path, kept: Mapping[str, int]) -> None:
        self._folder, self._earlier = folder, kept
        self._streams = {RUN: Stream(RUN, output)}
        self.add(METRICS, folder.metrics)

    def pieces(self, *, is_last: bool = False) -> list[Piece]:
        """Read what the server does not have yet, as much as fits into one report."""
        left, pieces = REPORT_BYTES, []
        for stream in self._all():
            piece = stream.piece(min(PIECE_BYTES, left), is_last=is_last)
            if piece is not None:
                pieces.append(piece)
                left -= len(piece.text.encode())
            if left <= 0 or len(pieces) == MOST_PIECES:
                break
        return pieces

    def note_kept(self, offsets: Mapping[str, int]) -> None:
        """Remember how much the server has now."""
        for name, offset in offsets.items():
            if name in self._streams:
                self._streams[name].kept = offset

    def _all(self) -> Iterator[Stream]:
        for path in sorted(self._folder.logs.glob("worker-*.log")):
            if WORKER.fullmatch(path.stem):
                self.add(path.stem, path)
        yield from self._streams.values()

    def add(self, name: str, path: Path) -> None:
        """Send this file too, unless there is one of this name."""
        if name not in self._streams:
            self._streams[name] = Stream(name, path, self._earlier.get(name, 0))


def as_text(data: bytes, *, is_end: bool) -> str:
    """Decode UTF-8; each invalid byte becomes a question mark, so that offsets stay correct."""
    decoder = codecs.getincrementaldecoder("utf-8")(ERRORS)
    return decoder.decode(data, final=is_end)


def _read(path: Path, position: int, most_bytes: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(position)
            return file.read(most_bytes)
    except OSError:  # it does not exist yet, or the network file system is not available
        return b""
