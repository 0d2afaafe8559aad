"""Music as tokens: as text, as pitches, as windows, as figures and as files."""

import io

import numpy as np
import pytest

from distnet.data.fields.music import VOCABULARY, MusicField
from distnet.data.music.pitches import SILENT
from distnet.run_folder.figures import PianoRoll, Piece

FIELD = MusicField(vocabulary=VOCABULARY)
PIECE = np.array([[72, 67, 64, 48], [72, 67, SILENT, 47]])
TEXT = "C5 G4 E4 C3\nC5 G4 rest B2\nend rest rest rest"


def test_a_piece_is_a_line_of_names_for_each_step_and_its_end() -> None:
    tokens = FIELD.of_pitches(PIECE)

    assert FIELD.decode(tokens) == TEXT
    np.testing.assert_array_equal(FIELD.encode(TEXT), tokens)
    np.testing.assert_array_equal(FIELD.encode(TEXT.replace("\n", " ")), tokens)
    assert FIELD.caption(tokens) == "C5 G4 E4 C3 | C5 G4 rest B2 | end rest rest rest"
    silent = [[SILENT] * 4]
    np.testing.assert_array_equal(FIELD.pitches(tokens.tolist()), [*PIECE.tolist(), *silent])


def test_music_without_a_beginning_follows_a_chord() -> None:
    assert FIELD.start == "C5 G4 E4 C3"
    assert FIELD.last_step == "end rest rest rest"


def test_flats_are_the_sharps_below_the_next_tone() -> None:
    assert FIELD.decode(FIELD.encode("Bb3 Eb4")) == "A#3 D#4"


@pytest.mark.parametrize("word", ["H4", "C", "c4", "C10", "60"])
def test_what_is_no_pitch_is_named(word: str) -> None:
    with pytest.raises(KeyError, match=word):
        FIELD.encode(f"C4 {word}")


@pytest.mark.parametrize("given", [0, 1, 4, 6])
def test_a_text_that_comes_token_by_token_is_that_of_the_whole(given: int) -> None:
    tokens = FIELD.of_pitches(PIECE).tolist()
    prompt, made = tokens[:given], tokens[given:]

    pieces = list(FIELD.stream(iter(made), after=prompt))

    assert len(pieces) == len(made)
    assert FIELD.decode(np.array(prompt, np.int32)) + "".join(pieces) == TEXT


def test_windows_have_whole_steps() -> None:
    window = FIELD.of_length(8)

    assert (window.shape, window.vocabulary) == ((8,), VOCABULARY)
    assert isinstance(window, MusicField)
    with pytest.raises(ValueError, match="windows of 10 tokens, expected a multiple of 4.*soprano"):
        FIELD.of_length(10)


def test_a_figure_has_the_voices_of_prompt_and_continuation() -> None:
    tokens = FIELD.of_pitches(PIECE).tolist()

    figure = FIELD.figure("Music", [tokens[:4]], [tokens[4:7]])

    soprano, alto, tenor, bass = ((72, 72), (67, 67), (64, -1), (48, -1))  # the last one is missing
    pieces = (Piece((soprano, alto, tenor, bass), given=1.0),)
    assert figure == PianoRoll("Music", ("soprano", "alto", "tenor", "bass"), pieces, 4)


def test_a_text_becomes_a_midi_file_or_stays_what_it_is() -> None:
    mido = pytest.importorskip("mido")

    content = FIELD.to_file(TEXT, ".mid")

    tracks = mido.MidiFile(file=io.BytesIO(content)).tracks[1:]
    notes = [[m.note for m in track if m.type == "note_on"] for track in tracks]
    assert notes == [[72], [67], [64], [48, 47]]
    assert FIELD.to_file(TEXT, ".MIDI") == content
    assert FIELD.to_file(TEXT, ".txt") == TEXT.encode()
    with pytest.raises(ValueError, match=r"suffix \.mp3, expected \.mid or \.midi or \.txt"):
        FIELD.to_file(TEXT, ".mp3")
