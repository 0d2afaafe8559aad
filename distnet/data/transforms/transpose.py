"""Transpose each window of music by whole semitones: the same piece in another key."""

from collections.abc import Mapping

import torch

from distnet.data.batch import Batch
from distnet.data.fields.field import Field
from distnet.data.fields.music import MusicField


class Transposing:
    """Moves all pitches of a sample, in all fields of music alike; rests and ends stay.

    Args:
        semitones: the most, up or down; less where a pitch would leave those of MIDI.
        fields: of a sample.
    """

    def __init__(self, semitones: int, fields: Mapping[str, Field]) -> None:
        self._semitones = semitones
        music = {name: field for name, field in fields.items() if isinstance(field, MusicField)}
        self._ranges = {name: field.pitch_tokens for name, field in music.items()}

    def __call__(self, batch: Batch) -> Batch:
        """Transpose windows [n, T]."""
        device = batch.tensor(next(iter(self._ranges))).device
        size = len(batch), 1
        drawn = torch.randint(-self._semitones, self._semitones + 1, size, device=device)
        is_pitch = {}
        for name, (low, high) in self._ranges.items():
            tokens = batch.tensor(name)
            is_pitch[name] = (tokens >= low) & (tokens <= high)
            lowest = tokens.where(is_pitch[name], high).amin(1, keepdim=True)
            highest = tokens.where(is_pitch[name], low).amax(1, keepdim=True)
            drawn = drawn.maximum(low - lowest).minimum(high - highest)
        moved = {name: batch.tensor(name) + drawn * is_pitch[name] for name in self._ranges}
        return batch.with_(**moved)
