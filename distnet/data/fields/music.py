"""Music of several voices in equal steps: a token for each voice of each step.

A token is a pitch, a rest, or the end of the piece. As text, a step is a line with the names of its
pitches, the highest voice first, and the end of a piece is a line of its own:

    C5 G4 E4 C4
    B4 G4 D4 G3
    end rest rest rest
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import cycle, islice
from typing import ClassVar

import numpy as np

from distnet.data.column import Array, Ints
from distnet.data.fields.field import Positive
from distnet.data.fields.tokens import CAPTION_LETTERS, TokensField
from distnet.data.music.midi import midi_file, require_midi
from distnet.data.music.pitches import NUM_PITCHES, PITCHES, SILENT, as_sharp, pitch_name
from distnet.run_folder.figures import Figure, PianoRoll, Piece

__all__ = ("MusicField",)

REST, END = "rest", "end"
VOCABULARY = (REST, END, *PITCHES)
"""Of all music, whichever pitches occur: so a token is the same pitch in every dataset."""
VOICES = ("soprano", "alto", "tenor", "bass")
CHORD = ("C5", "G4", "E4", "C3")
MIDI = (".mid", ".midi")


class MusicField(TokensField):
    """int32 [steps * voices], step after step; one of `end` and rests ends a piece.

    With a shape, all samples have that length, and begin with the first voice of a step.
    """

    kind: ClassVar[str] = "music"
    called: ClassVar[str] = "Music"
    suffixes: ClassVar[tuple[str, ...]] = (*MIDI, ".txt")

    voices: tuple[str, ...] = VOICES
    """Their names, in the order of the tokens of a step."""
    steps_per_beat: Positive = 4
    """Steps of a quarter note."""

    @property
    def start(self) -> str:
        """A chord of C major, which music without a beginning of its own follows.

        The end of a piece would be followed by the beginning of one, but has rests.
        """
        return " ".join(islice(cycle(CHORD), len(self.voices)))

    @property
    def last_step(self) -> str:
        """The end of a piece.

        Of several tokens `end`, a network would have to count how many there were.
        """
        return " ".join([END, *[REST] * (len(self.voices) - 1)])

    @property
    def pitch_tokens(self) -> tuple[int, int]:
        """The tokens of the lowest and the highest pitch; all between them are a semitone apart."""
        return self._index[pitch_name(0)], self._index[pitch_name(NUM_PITCHES - 1)]

    def encode(self, text: str) -> Array:
        """Turn names of pitches into tokens; line breaks are only spaces.

        Raises:
            KeyError: a word is none of the vocabulary.
        """
        return np.array([self._index[as_sharp(word)] for word in text.split()], np.int32)

    def decode(self, tokens: Array) -> str:
        """Turn the tokens of a piece into lines, one a step."""
        return "".join(self.stream(tokens.tolist()))

    def stream(self, tokens: Iterable[int], *, after: Sequence[int] = ()) -> Iterator[str]:
        """Turn tokens into text as they come; `after` decides the voice of the first one."""
        for position, token in enumerate(tokens, start=len(after)):
            between = " " if position % len(self.voices) else "\n"
            yield (between if position else "") + self.vocabulary[token]

    def of_length(self, length: int) -> TokensField:
        """The same tokens, for samples that all have one length.

        Raises:
            ValueError: the length is not one of whole steps.
        """
        if length % len(self.voices):
            raise ValueError(
                f"found windows of {length} tokens, expected a multiple of {len(self.voices)}, as "
                f"a step of this music has: {', '.join(self.voices)}"
            )
        return super().of_length(length)

    def caption(self, sample: Array) -> str:
        """The first steps."""
        text = self.decode(sample[: CAPTION_LETTERS // 2]).replace("\n", " | ")
        return text if len(text) <= CAPTION_LETTERS else text[:CAPTION_LETTERS] + "..."

    def pitches(self, tokens: Sequence[int]) -> Ints:
        """The pitch of each voice in each step, [T, V]; `SILENT` for a rest, and beyond the end.

        What is missing of the last step is silent.
        """
        num_steps = -(-len(tokens) // len(self.voices))
        pitches = np.full(num_steps * len(self.voices), SILENT, np.int64)
        pitches[: len(tokens)] = self._pitches[np.asarray(tokens, np.int64)]
        return pitches.reshape(num_steps, len(self.voices))

    def of_pitches(self, pitches: Ints) -> Array:
        """The tokens of a whole piece, whose pitches are [T, V], with its end."""
        names = (
            REST if pitch == SILENT else pitch_name(pitch) for pitch in pitches.ravel().tolist()
        )
        tokens = [self._index[name] for name in (*names, *self.last_step.split())]
        return np.array(tokens, np.int32)

    def figure(
        self, title: str, prompts: Sequence[Sequence[int]], made: Sequence[Sequence[int]]
    ) -> Figure:
        """Draw the notes of some pieces, each a prompt and what was made behind it."""
        pieces = []
        for prompt, tokens in zip(prompts, made, strict=True):
            notes = self.pitches([*prompt, *tokens]).T.tolist()
            given = len(prompt) / len(self.voices)
            pieces.append(Piece(tuple(map(tuple, notes)), given))
        return PianoRoll(title, self.voices, tuple(pieces), self.steps_per_beat)

    def require_file(self, suffix: str) -> None:
        """Check that `to_file` knows such files, and that their package is installed.

        Raises:
            ValueError: another suffix is required.
            UnknownPartError: the package for MIDI files is not installed.
        """
        super().require_file(suffix)
        if suffix.lower() in MIDI:
            require_midi()

    def to_file(self, text: str, suffix: str) -> bytes:
        """The content of a MIDI file with the notes of a text, or the text itself.

        Raises:
            ValueError: another suffix is required.
            UnknownPartError: the package for MIDI files is not installed.
        """
        if suffix.lower() not in MIDI:
            return super().to_file(text, suffix)
        pitches = self.pitches(self.encode(text).tolist())
        return midi_file(pitches, self.voices, steps_per_beat=self.steps_per_beat)

    @cached_property
    def _pitches(self) -> Ints:
        """The pitch of each token of the vocabulary."""
        return np.array([PITCHES.get(name, SILENT) for name in self.vocabulary], np.int64)
