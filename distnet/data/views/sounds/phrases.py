"""Phrases composed of recordings of single words: several by one speaker, one after the other.

A phrase depends on the split, its index and the seed alone. It is made of recordings of its own
split, so a phrase of `test` holds no recording that is trained on.

Letters: n phrases, m words of the longest.
"""

from zlib import crc32

import numpy as np

from distnet.data.column import Array, Columns, Ints, RaggedArray
from distnet.data.fields.audio import AudioField
from distnet.data.fields.class_ import ClassField
from distnet.data.fields.tokens import TokensField
from distnet.data.manifest import Manifest
from distnet.data.shuffle import mix, uniform
from distnet.spec.sections.section import PositiveInt

__all__ = ("Phrases",)


class Phrases:
    """Fields `x` (audio) and `y` (tokens, one a word): `shortest` to `longest` words of a speaker.

    The first word of phrase i is recording i, counted over and over; the others are drawn from all
    of its speaker. So each recording occurs.

    Args:
        shortest: the fewest words of a phrase.
        longest: the most; how many are drawn is uniform.
        repeat: phrases of a split for each of its recordings.
        speaker: the field whose class the recordings of a phrase share; empty for none.
        seed: of the phrases.

    Raises:
        ValueError: the dataset has no recordings of classes, or no such field.
    """

    def __init__(
        self,
        data: Manifest,
        *,
        shortest: PositiveInt = 2,
        longest: PositiveInt = 5,
        repeat: PositiveInt = 1,
        speaker: str = "speaker",
        seed: int = 0,
    ) -> None:
        x, y = data.fields.get("x"), data.fields.get("y")
        found = ", ".join(f"{name} ({field.kind})" for name, field in data.fields.items())
        if not isinstance(x, AudioField) or not isinstance(y, ClassField):
            raise ValueError(
                f"view phrases needs recordings x (audio) with a class y; found {found}"
            )
        if speaker and not isinstance(data.fields.get(speaker), ClassField):
            raise ValueError(
                f"view phrases found no class {speaker!r} among {found}; name the field of the "
                "speakers with speaker, or set it to '' to mix them"
            )
        if shortest > longest:
            raise ValueError(f"view phrases: shortest is {shortest}, longest {longest}")
        self._shortest, self._longest = shortest, longest
        self._repeat, self._speaker, self._seed = repeat, speaker, seed
        self._num_recordings = {name: split.num_samples for name, split in data.splits.items()}
        self.fields = {
            "x": AudioField(sample_rate=x.sample_rate, mean=x.mean, std=x.std),
            "y": TokensField(tokenizer="words", vocabulary=y.classes),
        }
        self.reads = ("x", "y", *((speaker,) if speaker else ()))

    def num_samples(self, split: str) -> int:
        """Phrases of a split."""
        return self._repeat * self._num_recordings.get(split, 0)

    def take(self, columns: Columns, ids: Ints, split: str) -> Columns:
        """Compose the phrases with these indices."""
        sounds, words = columns["x"], columns["y"]
        assert isinstance(sounds, RaggedArray)
        assert isinstance(words, np.ndarray)
        drawn = uniform(ids, 1 + self._longest, mix(self._seed, crc32(split.encode())))
        num_words = self._shortest + _drawn_index(drawn[:, 0], self._longest - self._shortest + 1)
        recordings_nm = self._recordings(columns, ids, drawn[:, 1:])
        chosen = recordings_nm[np.arange(self._longest) < num_words[:, None]]
        spoken = sounds.select(chosen)
        first = np.concatenate([[0], np.cumsum(num_words)[:-1]]).astype(np.int64)
        lengths = np.add.reduceat(spoken.lengths, first) if len(ids) else spoken.lengths
        return {
            "x": RaggedArray(spoken.values, lengths),
            "y": RaggedArray(words[chosen], num_words),
        }

    def _recordings(self, columns: Columns, ids: Ints, drawn: Array) -> Ints:
        """The recording of each word [n, m], all of one speaker a phrase."""
        first = ids % len(columns["y"])
        if not self._speaker:
            others = _drawn_index(drawn, len(columns["y"]))
        else:
            speakers = np.asarray(columns[self._speaker])
            order = np.argsort(speakers, kind="stable")
            counts = np.bincount(speakers)
            begins = np.cumsum(counts) - counts
            own = speakers[first]
            others = order[begins[own, None] + _drawn_index(drawn, counts[own, None])]
        others[:, 0] = first
        return np.asarray(others, np.int64)


def _drawn_index(drawn: Array, count: int | Ints) -> Ints:
    """Turn numbers in [0, 1) into indices below `count`."""
    return np.asarray((drawn * count).astype(np.int64))
