"""Voices in equal steps as a Standard MIDI File, by the package `mido`.

Letters: T steps, V voices.
"""

from collections.abc import Iterator, Sequence
from io import BytesIO
from itertools import groupby
from typing import Any

from distnet.data.column import Ints
from distnet.data.music.pitches import SILENT
from distnet.spec.extras import require_extra

TICKS_PER_BEAT = 480
BEATS_PER_MINUTE = 80
ORGAN = 19
"""The church organ of General MIDI, whose tones last as long as their notes."""
VELOCITY = 80
PERCUSSION = 9
"""The channel that plays no pitches."""


def require_midi() -> Any:
    """Import the package that writes MIDI files.

    Raises:
        UnknownPartError: it is not installed.
    """
    return require_extra("mido", extra="music", what="a MIDI file")


def midi_file(pitches: Ints, voices: Sequence[str], *, steps_per_beat: int) -> bytes:
    """Write pitches [T, V] as a file with a track for each voice.

    Equal pitches of a voice that follow one another are one note.

    Args:
        pitches: of each voice in each step; `SILENT` for none.
        voices: their names.
        steps_per_beat: steps of a quarter note.

    Raises:
        UnknownPartError: the package `mido` is not installed.
    """
    mido = require_midi()
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS_PER_BEAT, charset="utf-8")
    file.tracks.append(mido.MidiTrack(_head(mido)))
    for index, name in enumerate(voices):
        channel = index + (index >= PERCUSSION)
        notes = _notes(mido, pitches[:, index], channel, TICKS_PER_BEAT // steps_per_beat)
        named = mido.MetaMessage("track_name", name=name)
        organ = mido.Message("program_change", channel=channel, program=ORGAN)
        file.tracks.append(mido.MidiTrack([named, organ, *notes]))
    content = BytesIO()
    file.save(file=content)
    return content.getvalue()


def _head(mido: Any) -> Iterator[Any]:
    """What holds for all tracks."""
    yield mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(BEATS_PER_MINUTE))
    yield mido.MetaMessage("time_signature", numerator=4, denominator=4)


def _notes(mido: Any, pitches: Ints, channel: int, step_ticks: int) -> Iterator[Any]:
    """The messages of a voice [T]; each says how many ticks after the one before it comes."""
    wait = 0
    for pitch, steps in groupby(pitches.tolist()):
        ticks = step_ticks * sum(1 for _ in steps)
        if pitch == SILENT:
            wait += ticks
            continue
        note = {"channel": channel, "note": pitch, "velocity": VELOCITY}
        yield mido.Message("note_on", time=wait, **note)
        yield mido.Message("note_off", time=ticks, **note)
        wait = 0
