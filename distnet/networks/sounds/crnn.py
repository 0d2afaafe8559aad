"""A convolutional recurrent network that hears one thing in each recording, such as a word.

Source: Choi et al. 2017 (CRNN). The outputs of the recurrent layer are averaged over the frames of
a recording; the layers are in `_encoder.py`. The default has 91,000 parameters.
"""

from torch import Tensor

from distnet.data.batch import Ragged
from distnet.networks.sounds._encoder import SpeechNetwork
from distnet.networks.sounds._mel import is_within

__all__ = ("CRNN",)


class CRNN(SpeechNetwork):
    """From recordings of any length to one output each, [n, K]."""

    def forward(self, x: Ragged) -> Tensor:
        """Classify recordings."""
        frames, num_frames = self.encoder(x)
        mask = is_within(num_frames, frames.shape[1])[:, :, None]
        outputs: Tensor = self.output((frames * mask).sum(1) / num_frames[:, None])
        return outputs
