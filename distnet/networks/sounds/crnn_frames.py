"""A convolutional recurrent network that hears a sequence: an output for each frame of 40 ms.

Source: Amodei et al. 2016 (Deep Speech 2), far smaller; layers: `_encoder.py`. It is made
for a loss such as CTC, which needs no times of the words: task `transcribe`. The default has
91,000 parameters.
"""

from torch import nn

from distnet.data.batch import Ragged
from distnet.networks.layers import initialise
from distnet.networks.sounds._encoder import SpeechEncoder
from distnet.networks.sounds._mel import is_within
from distnet.spec.sections.section import Fraction, PositiveInt

__all__ = ("CRNNFrames",)


class CRNNFrames(nn.Module):
    """From recordings of any length to outputs of their frames: ragged [frames, K].

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

    def forward(self, x: Ragged) -> Ragged:
        """Compute the outputs of each frame."""
        frames, num_frames = self.encoder(x)
        outputs = self.output(frames)
        return Ragged(outputs[is_within(num_frames, frames.shape[1])], num_frames)
