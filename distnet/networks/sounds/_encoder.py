"""What the networks for speech share: from recordings to what is heard in each frame of 40 ms.

Letters: n recordings, T frames of the longest, C maps, M bands, H neurons a direction.
"""

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from distnet.data.batch import Ragged
from distnet.networks.layers import initialise
from distnet.networks.sounds._mel import LogMel, is_within
from distnet.spec.sections.section import Fraction, PositiveInt


class SpeechEncoder(nn.Module):
    """Mel bands, blocks of convolutions, then a recurrent layer that reads in both directions.

    A recording's frames do not depend on those beside it in a batch, nor on how far it was filled
    up: whatever lies beyond its end is 0 after each block.

    Source: Amodei et al. 2016 (Deep Speech 2); Ba et al. 2016 (normalisation of each frame alone).

    Args:
        input_shape: (sample_rate,).
        bands: M.
        channels: maps of each block. Each halves the bands; all but the first halve the frames.
        hidden: H.
        dropout: the part of the outputs left out at random while training.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        *,
        bands: int,
        channels: tuple[int, ...],
        hidden: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.mel = LogMel(_sample_rate(input_shape), bands)
        self.blocks = nn.ModuleList()
        maps_in = 1
        for index, maps in enumerate(channels):
            self.blocks.append(_Block(maps_in, maps, bands, halves_time=index > 0))
            maps_in, bands = maps, -(-bands // 2)
        self.recurrent = nn.GRU(maps_in * bands, hidden, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(dropout)
        self.num_outputs = 2 * hidden

    def forward(self, x: Ragged) -> tuple[Tensor, Tensor]:
        """Return [n, T, 2 H], 0 beyond the end of a recording; and the frames of each, [n]."""
        bands, num_frames = self.mel(x)
        maps = bands[:, None]
        for block in self.blocks:
            maps, num_frames = block(maps, num_frames)
        frames = self.dropout(maps.transpose(1, 2).flatten(2))
        with torch.autocast(frames.device.type, enabled=False):
            packed = pack_padded_sequence(
                frames.float(), num_frames.cpu(), batch_first=True, enforce_sorted=False
            )
            outputs, _ = pad_packed_sequence(self.recurrent(packed)[0], batch_first=True)
        return self.dropout(outputs), num_frames


class SpeechNetwork(nn.Module):
    """The encoder, and a layer of outputs; what these are is said in `forward`.

    Args:
        bands: the mel bands into which the sound is cut.
        channels: the feature maps of each block; each halves the bands, all but the first halve
            the frames.
        hidden: the neurons of the recurrent layer, in each direction.
        dropout: the part of the outputs of a layer left out at random while training.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        num_outputs: int,
        *,
        bands: PositiveInt = 40,
        channels: tuple[PositiveInt, ...] = (16, 32, 32),
        hidden: PositiveInt = 64,
        dropout: Fraction = 0.2,
    ) -> None:
        super().__init__()
        self.encoder = SpeechEncoder(
            input_shape, bands=bands, channels=channels, hidden=hidden, dropout=dropout
        )
        self.output = initialise(nn.Linear(self.encoder.num_outputs, num_outputs), None)


class _Block(nn.Module):
    """A convolution over frames and bands, normalised frame by frame, then shrunk."""

    def __init__(self, maps_in: int, maps: int, bands: int, *, halves_time: bool) -> None:
        super().__init__()
        self.conv = initialise(nn.Conv2d(maps_in, maps, 3, padding=1, bias=False), "relu")
        self.norm = nn.LayerNorm([bands, maps])
        self._stride = 2 if halves_time else 1
        # Beyond the end there is 0, and no output of a rectifier is less.
        self.pool = nn.MaxPool2d((self._stride, 2), ceil_mode=True)

    def forward(self, maps: Tensor, num_frames: Tensor) -> tuple[Tensor, Tensor]:
        """From [n, C, T, M] to the maps of the block, and their frames [n]."""
        found = self.norm(self.conv(maps).permute(0, 2, 3, 1)).relu()
        mask = is_within(num_frames, found.shape[1])[:, :, None, None]
        pooled = self.pool((found * mask).permute(0, 3, 1, 2))
        return pooled, -(-num_frames // self._stride)


def _sample_rate(input_shape: tuple[int, ...]) -> int:
    """Unpack the shape of a second of sound.

    Raises:
        ValueError: the input is no sound.
    """
    if len(input_shape) != 1:
        raise ValueError(
            f"networks for speech take recordings of shape (sample_rate,), but the data has inputs "
            f"of shape {tuple(input_shape)}"
        )
    return input_shape[0]
