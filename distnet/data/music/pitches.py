"""Names of the pitches of MIDI, which are numbered by semitones from 0 to 127: `C4` is 60.

The name is that of scientific pitch notation, with sharps; a user may write flats as well.
"""

NUM_PITCHES = 128
SILENT = -1
"""Stands for no pitch."""
OCTAVE = 12
_SHARPS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_FLATS = {"Db": "C#", "Eb": "D#", "Gb": "F#", "Ab": "G#", "Bb": "A#"}


def pitch_name(pitch: int) -> str:
    """The name of a pitch: `A4` is the 69th, of 440 Hz."""
    return f"{_SHARPS[pitch % OCTAVE]}{pitch // OCTAVE - 1}"


def as_sharp(name: str) -> str:
    """A name with a flat, such as `Bb3`, as the same pitch with a sharp; others as they are."""
    return _FLATS.get(name[:2], name[:2]) + name[2:]


PITCHES = {pitch_name(pitch): pitch for pitch in range(NUM_PITCHES)}
"""Each pitch by its name."""
