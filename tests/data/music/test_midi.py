"""Notes as MIDI files, read back by the package `mido`; without it these tests are skipped."""

import io

import numpy as np
import pytest

from distnet.data.music.midi import BEATS_PER_MINUTE, ORGAN, midi_file
from distnet.data.music.pitches import NUM_PITCHES, PITCHES, SILENT, as_sharp, pitch_name

SOUNDING = ("note_on", "note_off")


def test_pitches_have_the_names_of_scientific_notation() -> None:
    assert [pitch_name(pitch) for pitch in (0, 21, 60, 61, 69, 127)] == [
        *("C-1", "A0", "C4", "C#4", "A4", "G9")
    ]
    assert list(PITCHES.values()) == list(range(NUM_PITCHES))
    assert [as_sharp(name) for name in ("Bb3", "Db-1", "B3", "F#4")] == ["A#3", "C#-1", "B3", "F#4"]


@pytest.mark.parametrize("steps_per_beat", [1, 4])
def test_a_file_has_the_notes_of_each_voice_at_their_times(steps_per_beat: int) -> None:
    mido = pytest.importorskip("mido")
    pitches = np.array([[72, SILENT], [72, 48], [74, 48], [SILENT, 48], [74, SILENT]])

    content = midi_file(pitches, ("high", "low"), steps_per_beat=steps_per_beat)

    file = mido.MidiFile(file=io.BytesIO(content))
    step = file.ticks_per_beat // steps_per_beat
    head, *voices = file.tracks
    assert [track.name for track in voices] == ["high", "low"]
    notes = [
        [(m.type, m.note, m.time / step) for m in track if m.type in SOUNDING] for track in voices
    ]
    assert notes == [
        [
            ("note_on", 72, 0),
            ("note_off", 72, 2),  # equal pitches that follow one another are one note
            ("note_on", 74, 0),
            ("note_off", 74, 1),
            ("note_on", 74, 1),  # a step of silence after the last note
            ("note_off", 74, 1),
        ],
        [("note_on", 48, 1), ("note_off", 48, 3)],
    ]
    (tempo,) = (message.tempo for message in head if message.type == "set_tempo")
    assert mido.tempo2bpm(tempo) == pytest.approx(BEATS_PER_MINUTE)
    assert file.length == pytest.approx(5 / steps_per_beat * 60 / BEATS_PER_MINUTE)


def test_each_of_many_voices_has_a_channel_that_plays_pitches() -> None:
    mido = pytest.importorskip("mido")
    voices = [str(index) for index in range(12)]

    content = midi_file(np.full((1, 12), 60), voices, steps_per_beat=4)

    tracks = mido.MidiFile(file=io.BytesIO(content)).tracks[1:]
    programs = [m for track in tracks for m in track if m.type == "program_change"]
    assert {message.program for message in programs} == {ORGAN}
    assert [message.channel for message in programs] == [*range(9), *range(10, 13)]
