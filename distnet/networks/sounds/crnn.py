"""A convolutional recurrent network that hears one thing in each recording, such as a word.

Source: Choi et al. 2017 (CRNN); layers: `_encoder.py`. The outputs of the recurrent layer are
averaged over the frames of a recording. The default has 91,000 parameters.
"""

from torch import Tensor, nn

from distnet.data.batch import Ragged
from distnet.networks.layers import initialise
from distnet.networks.sounds._encoder import SpeechEncoder
from distnet.networks.sounds._mel import is_within
from distnet.spec.sections.section import Fraction, PositiveInt

__all__ = ("CRNN",)


class CRNN(nn.Module):
    """From recordings of any length to one output each, [n, K].

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

    def forward(self, x: Ragged) -> Tensor:
        """Classify recordings."""
        frames, num_frames = self.encoder(x)
        mask = is_within(num_frames, frames.shape[1])[:, :, None]
        outputs: Tensor = self.output((frames * mask).sum(1) / num_frames[:, None])
        return outputs
