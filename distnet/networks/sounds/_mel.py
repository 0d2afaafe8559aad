"""Recordings to the logarithm of their energy in mel bands, frame by frame.

A frame is 25 ms of sound under a Hann window; a new one begins every 10 ms. Before and after a
recording there is silence, so that nothing depends on the recordings beside it in a batch.

Source: Davis and Mermelstein 1980 (bands of mel scale); the manual of HTK, section 5.4 (triangles,
and mel = 2595 log10(1 + f / 700), of O'Shaughnessy 1987).

Letters: n recordings, T frames of the longest, F frequencies, M bands.
"""

import torch
from torch import Tensor, nn

from distnet.data.batch import Ragged

WINDOW_S, HOP_S = 0.025, 0.010
FULL_SCALE = 32768
"""The amplitude 1 of int16."""
FLOOR = 1e-6
"""Energy added to each band: about that of the noise of 8 bits."""


class LogMel(nn.Module):
    """Log energies of mel bands, with mean 0 and deviation 1 over each recording.

    Args:
        sample_rate: samples a second.
        bands: M.
    """

    filters: Tensor
    window: Tensor

    def __init__(self, sample_rate: int, bands: int) -> None:
        super().__init__()
        self.hop = max(1, round(HOP_S * sample_rate))
        length = max(2, round(WINDOW_S * sample_rate))
        self.size = 1 << (length - 1).bit_length()
        self.register_buffer("window", torch.hann_window(length), persistent=False)
        filters = mel_filters(sample_rate, self.size, bands)
        self.register_buffer("filters", filters, persistent=False)

    @torch.no_grad()
    def forward(self, x: Ragged) -> tuple[Tensor, Tensor]:
        """Analyse recordings of int16.

        Returns:
            [n, T, M], 0 beyond the end of a recording; and the frames of each, int64 [n].
        """
        with torch.autocast(x.values.device.type, enabled=False):
            amplitudes = x.padded().float() / FULL_SCALE
            spectrum = torch.stft(
                amplitudes,
                self.size,
                self.hop,
                win_length=len(self.window),
                window=self.window,
                pad_mode="constant",
                return_complex=True,
            )
            energies = (spectrum.real**2 + spectrum.imag**2).transpose(1, 2) @ self.filters
            num_frames = x.lengths // self.hop + 1
            return _normalised((energies + FLOOR).log(), num_frames), num_frames


def mel_filters(sample_rate: int, size: int, bands: int) -> Tensor:
    """The weight of each frequency of a Fourier transform in each band, [F, M].

    Bands are triangles of height 1 whose corners are equally far apart on the mel scale, from 0 to
    half of the sample rate. In float64 on the way: the weights are the same everywhere.
    """
    frequencies = torch.linspace(0, sample_rate / 2, size // 2 + 1, dtype=torch.float64)
    top = _mel(torch.tensor(sample_rate / 2, dtype=torch.float64)).item()
    corners = _frequency(torch.linspace(0, top, bands + 2, dtype=torch.float64))
    low, middle, high = corners[:-2], corners[1:-1], corners[2:]
    rising = (frequencies[:, None] - low) / (middle - low)
    falling = (high - frequencies[:, None]) / (high - middle)
    return torch.minimum(rising, falling).clamp(min=0).float()


def is_within(lengths: Tensor, longest: int) -> Tensor:
    """Which of the frames 0 to `longest` belong to each recording, bool [n, longest]."""
    return torch.arange(longest, device=lengths.device) < lengths[:, None]


def _normalised(bands: Tensor, num_frames: Tensor) -> Tensor:
    """Subtract mean and divide by deviation, over the frames of each recording [n, T, M]."""
    mask = is_within(num_frames, bands.shape[1])[:, :, None]
    count = (num_frames * bands.shape[2])[:, None, None]
    mean = (bands * mask).sum((1, 2), keepdim=True) / count
    centred = (bands - mean) * mask
    variance = centred.square().sum((1, 2), keepdim=True) / count
    return centred / (variance.sqrt() + 1e-5)


def _mel(frequency: Tensor) -> Tensor:
    return 2595 * torch.log10(1 + frequency / 700)


def _frequency(mel: Tensor) -> Tensor:
    return 700 * (10 ** (mel / 2595) - 1)
