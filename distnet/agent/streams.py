"""What an attempt sends of its logs: files that grow, followed by offset.

The files in the run folder go on from attempt to attempt, so the part of this one begins where the
server's copy ends: whatever an earlier attempt could not send any more is sent, too.
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
    begins_at: int = 0
    """The place in the file from which this attempt sends."""
    kept: int = 0
    """How much of that the server has."""

    def piece(self, most_bytes: int, *, is_last: bool) -> Piece | None:
        """What comes next.

        Args:
            most_bytes: no more than this.
            is_last: nothing will be added; else a character that is cut off waits for its rest.
        """
        data = _read(self.path, self.begins_at + self.kept, most_bytes)
        is_end = is_last and len(data) < most_bytes
        text = as_text(data, is_end=is_end)
        return Piece(stream=self.name, offset=self.kept, text=text) if text else None


class Streams:
    """All files of one attempt.

    Args:
        folder: the run's.
        output: what the attempt's own process prints; a file of this attempt alone.
        kept: how much of each stream the server has of earlier attempts.
    """

    def __init__(self, folder: RunFolder, *, output: Path, kept: Mapping[str, int]) -> None:
        self._folder, self._earlier = folder, kept
        self._streams = {RUN: Stream(RUN, output)}
        self._add(METRICS, folder.metrics)

    def pieces(self, *, is_last: bool = False) -> list[Piece]:
        """What the server does not have yet, as much as fits into one report."""
        left, pieces = REPORT_BYTES, []
        for stream in self._all():
            piece = stream.piece(min(PIECE_BYTES, left), is_last=is_last)
            if piece is not None:
                pieces.append(piece)
                left -= len(piece.text.encode())
            if left <= 0:
                break
        return pieces

    def note_kept(self, offsets: Mapping[str, int]) -> None:
        """Take down how much the server has by now."""
        for name, offset in offsets.items():
            if name in self._streams:
                self._streams[name].kept = offset

    def _all(self) -> Iterator[Stream]:
        for path in sorted(self._folder.logs.glob("worker-*.log")):
            if WORKER.fullmatch(path.stem):
                self._add(path.stem, path)
        yield from self._streams.values()

    def _add(self, name: str, path: Path) -> None:
        if name not in self._streams:
            self._streams[name] = Stream(name, path, self._earlier.get(name, 0))


def as_text(data: bytes, *, is_end: bool) -> str:
    """Decode UTF-8, a question mark for each byte that is none, so that offsets stay true."""
    decoder = codecs.getincrementaldecoder("utf-8")(ERRORS)
    return decoder.decode(data, final=is_end)


def _read(path: Path, position: int, most_bytes: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(position)
            return file.read(most_bytes)
    except OSError:  # not there yet, or the network file system does not answer
        return b""
