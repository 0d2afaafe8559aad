"""Music of four voices as JSON: split -> piece -> step -> the pitch of each voice.

    {"train": [[[74, 70, 65, 58], [74, 70, 65, 58], ...], ...], "valid": [...], "test": [...]}

A pitch is its MIDI number, -1 a rest; voices stand in the order soprano, alto, tenor, bass. All
steps are equally long. A piece is a sample: its tokens are those of `fields/music.py`.
"""

import gzip
import json
import re
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from distnet.data.column import Array, Columns, RaggedArray
from distnet.data.fields.music import VOCABULARY, VOICES, MusicField
from distnet.data.music.midi import TICKS_PER_BEAT
from distnet.data.music.pitches import NUM_PITCHES, SILENT
from distnet.data.sources.files.json_file import read_json
from distnet.data.sources.files.unreadable import Unreadable
from distnet.data.sources.source import Chunks, RawData
from distnet.data.survey.summary import Findings
from distnet.errors import DataError
from distnet.spec.plural import counted

SUFFIXES = (".json", ".json.gz")
FIELD = "notes"
CHUNK_PIECES = 64
STEPS_PER_BEAT = 4
LOOKED_AT = 4096  # bytes, by which a file is recognised
BEGINNING = re.compile(rb'\s*\{\s*"[^"]*"\s*:\s*\[\s*\[\s*\[\s*-?[0-9]')
SPLIT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def detect(path: Path) -> bool:
    """Whether it is a JSON file that begins with a split, a piece and a step of numbers."""
    if path.is_dir() or not path.name.lower().endswith(SUFFIXES):
        return False
    try:
        with _opened(path) as file:
            return BEGINNING.match(file.read(LOOKED_AT)) is not None
    except (OSError, EOFError, zlib.error):
        return False


def read(
    path: Path, *, steps_per_beat: int = STEPS_PER_BEAT, skip_unreadable: bool = False
) -> RawData:
    """Read all pieces.

    Args:
        path: a `.json` or `.json.gz` file.
        steps_per_beat: steps of a quarter note, for what plays or draws the music.
        skip_unreadable: leave out, and count, faulty pieces.

    Raises:
        DataError: the file is no such JSON, has no split `train`, or a piece is faulty; the message
            says where.
    """
    if steps_per_beat < 1 or TICKS_PER_BEAT % steps_per_beat:
        expected = f"a divisor of {TICKS_PER_BEAT}, such as 1, 2, 4 or 8"
        raise DataError(f"--steps-per-beat: found {steps_per_beat}, expected {expected}")
    findings = Findings()
    unreadable = Unreadable(findings, skip=skip_unreadable)
    splits = {
        split: list(_pieces(path, split, pieces, unreadable))
        for split, pieces in _splits(path).items()
    }
    unreadable.check()
    field = MusicField(vocabulary=VOCABULARY, steps_per_beat=steps_per_beat)
    findings.read("steps", sum(len(piece) for pieces in splits.values() for piece in pieces))
    return RawData(
        fields={FIELD: field},
        splits={split: _chunks(pieces, field) for split, pieces in splits.items()},
        num_samples=sum(map(len, splits.values())),
        findings=findings,
    )


def _opened(path: Path) -> Any:
    return gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb")


def _splits(path: Path) -> dict[str, list[Any]]:
    """The pieces of each split, not yet looked at.

    Raises:
        DataError: the file is not an object of lists by the names of splits.
    """
    splits = read_json(path)
    if not isinstance(splits, dict) or not all(isinstance(p, list) for p in splits.values()):
        expected = 'an object of lists, such as {"train": [...], "test": [...]}'
        raise DataError(f"{path}: found {_kind(splits)}, expected {expected}")
    wrong = next((name for name in splits if not SPLIT.fullmatch(name)), None)
    if wrong is not None:
        expected = "letters, digits, - and _"
        raise DataError(f"{path}: found a split called {wrong!r}, expected {expected}; rename it")
    for name in ("train", *splits):
        if not splits.get(name):
            found = ", ".join(
                f"{split} ({counted(len(p), 'piece')})" for split, p in splits.items()
            )
            raise DataError(f"{path}: no pieces of the split {name}; found {found or 'no splits'}")
    return splits


def _pieces(
    path: Path, split: str, pieces: Sequence[Any], unreadable: Unreadable
) -> Iterator[Array]:
    """The pitches [T, V] of each piece that is right."""
    for index, piece in enumerate(pieces):
        location = f"{path}: {split}, piece {index}"
        fault = _fault(piece)
        if fault is None:
            yield np.array(piece, np.int64)
        else:
            step, reason = fault
            where = location if step is None else f"{location}, step {step}"
            where += " (counted from 0)"
            unreadable.add(where, DataError(f"{where}: {reason}; repair the piece"), "pieces")


def _fault(piece: Any) -> tuple[int | None, str] | None:
    """The first faulty step of a piece and why, or why the piece itself is faulty."""
    if not isinstance(piece, list):
        return None, f"found {_kind(piece)}, expected a list of steps"
    if not piece:
        return None, "found an empty piece, expected steps"
    for index, step in enumerate(piece):
        if not isinstance(step, list) or len(step) != len(VOICES):
            expected = f"a list of {len(VOICES)} pitches: {', '.join(VOICES)}"
            return index, f"found {_kind(step)}, expected {expected}"
        for voice, pitch in zip(VOICES, step, strict=True):
            if not _is_pitch(pitch):
                expected = f"0 to {NUM_PITCHES - 1}, or {SILENT} for a rest"
                found = f"{_kind(pitch)} as the pitch of the {voice}"
                return index, f"found {found}, expected {expected}"
    return None


def _is_pitch(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and SILENT <= value < NUM_PITCHES and value == int(value)


def _kind(value: Any) -> str:
    """What was found, in a few words of JSON."""
    if isinstance(value, list):
        return f"a list of {len(value)}" if value else "an empty list"
    if isinstance(value, dict):
        return "an object"
    return json.dumps(value)[:40]


def _chunks(pieces: list[Array], field: MusicField) -> Chunks:
    def chunks() -> Iterator[Columns]:
        for low in range(0, len(pieces), CHUNK_PIECES):
            part = pieces[low : low + CHUNK_PIECES]
            yield {FIELD: RaggedArray.of([field.of_pitches(piece) for piece in part])}

    return chunks
