"""Sound files (WAV, FLAC, OGG, MP3) to int16 samples of one channel.

The package soundfile reads them, through libsndfile; it comes with the extra `audio`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distnet.data.sounds.ogg import has_end
from distnet.errors import DataError
from distnet.spec.extras import require_extra

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")
FULL_SCALE = 32768
"""The amplitude 1 as a number of 16 bits."""
BLOCK = 1 << 20
"""Samples that are decoded at once, so that a long recording takes little memory."""
_CUT = re.compile(r"data : (\d+) \(should be (\d+)\)")
"""What libsndfile notes of a WAV file that is shorter than its header says."""
_UNKNOWN_LENGTH = 0x7FFF0000
"""Programs that write WAV into a pipe give this length or more, since they do not know it."""
_NO_SOUND = "Format not recognised"
"""What libsndfile says of a file that is no sound."""
_EXACT = ("PCM_16", "PCM_S8", "PCM_U8")


@dataclass(frozen=True)
class SoundHeader:
    """What is known of a recording without decoding it."""

    sample_rate: int
    """Samples a second."""
    length: int
    """Samples."""
    channels: int
    is_exact: bool
    """Whether 16 bits hold its samples as they are."""


def read_header(file: Path) -> SoundHeader:
    """Read the sample rate and length of a recording.

    Raises:
        DataError: it is empty, cut off, or cannot be read as a sound file.
    """
    try:
        with _opened(file) as sound:
            cut = _CUT.search(sound.extra_info)
            is_whole = sound.format != "OGG" or has_end(file)
            header = SoundHeader(
                sound.samplerate, sound.frames, sound.channels, sound.subtype in _EXACT
            )
    except (OSError, RuntimeError) as error:
        raise _unreadable(file, error) from None
    if cut is not None and int(cut[2]) < int(cut[1]) < _UNKNOWN_LENGTH:
        raise DataError(
            f"{file}: cut off: found {int(cut[2]):,} bytes of sound, expected {int(cut[1]):,} as "
            "its header says; copy the file again"
        )
    if not is_whole:
        raise DataError(
            f"{file}: cut off: its last page is missing; copy the file again, or close it as it "
            f"is: ffmpeg -i {file.name} -c copy {file.stem}-closed.ogg"
        )
    if header.length == 0:
        raise DataError(f"{file}: holds no sound: 0 samples; remove it")
    return header


def read_sound(file: Path, *, sample_rate: int) -> NDArray[np.int16]:
    """Decode a recording to int16 [length]; several channels are mixed to their mean.

    Raises:
        DataError: it is damaged, empty, or of another sample rate.
    """
    header = read_header(file)
    if header.sample_rate != sample_rate:
        raise DataError(wrong_rate(file, header.sample_rate, sample_rate))
    try:
        with _opened(file) as sound:
            parts = [_as_int16(amplitudes, file) for amplitudes in _blocks(sound)]
    except (OSError, RuntimeError) as error:
        raise _unreadable(file, error) from None
    samples = np.concatenate([np.empty(0, np.int16), *parts])
    if len(samples) < header.length:
        raise DataError(
            f"{file}: damaged: found {len(samples):,} samples, expected {header.length:,} as "
            "its header says; copy the file again"
        )
    return samples


def _blocks(sound: Any) -> Iterator[NDArray[np.float64]]:
    """What can be decoded, [length, channels] each.

    Not `SoundFile.blocks`: it believes the header of a file that was cut off, and fills up with
    whatever was in memory.
    """
    while len(block := sound.read(BLOCK, dtype="float64", always_2d=True)):
        yield block


def _as_int16(amplitudes: NDArray[np.float64], file: Path) -> NDArray[np.int16]:
    """Mix the channels of [length, channels]; exact for one channel of 16 bits.

    Raises:
        DataError: an amplitude is no number, as a file of floats can hold.
    """
    if not np.isfinite(amplitudes).all():
        raise DataError(f"{file}: holds samples that are not finite numbers; make it again")
    # A sample v of 16 bits is read as v / 32768.
    scaled = np.rint(amplitudes.mean(axis=1) * FULL_SCALE)
    samples: NDArray[np.int16] = scaled.clip(-FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
    return samples


def wrong_rate(file: Path, found: int, expected: int) -> str:
    """Say that a recording has another sample rate, and how to convert it."""
    return (
        f"{file}: found a sample rate of {found:,} Hz, expected {expected:,} Hz; convert it, such "
        f"as with: ffmpeg -i {file.name} -ar {expected} {file.stem}-{expected}.wav"
    )


def _opened(file: Path) -> Any:
    soundfile = require_extra("soundfile", extra="audio", what=f"reading {file.name}")
    return soundfile.SoundFile(file)


def _unreadable(file: Path, error: OSError | RuntimeError) -> DataError:
    if isinstance(error, OSError):
        return DataError(f"{file}: cannot be read: {error.strerror}; repair it")
    reason = str(getattr(error, "error_string", error)).strip().rstrip(".") or "damaged"
    if not file.stat().st_size:
        return DataError(f"{file}: an empty file, of 0 bytes; copy the file again")
    if reason == _NO_SOUND:
        return DataError(
            f"{file}: cannot be read as a sound file: it is none of WAV, FLAC, OGG and MP3, "
            "whatever its name says; convert it, or copy the file again"
        )
    return DataError(f"{file}: cannot be read as a sound file: {reason}; copy the file again")
