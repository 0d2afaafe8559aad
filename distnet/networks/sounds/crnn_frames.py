"""A convolutional recurrent network that hears a sequence: an output for each frame of 40 ms.

Source: Amodei et al. 2016 (Deep Speech 2), far smaller; the layers are in `_encoder.py`. It is made
for a loss such as CTC, which needs no times of the words: task `transcribe`. The default has 91,000
parameters.
"""

from distnet.data.batch import Ragged
from distnet.networks.sounds._encoder import SpeechNetwork
from distnet.networks.sounds._mel import is_within

__all__ = ("CRNNFrames",)


class CRNNFrames(SpeechNetwork):
    """From recordings of any length to outputs of their frames: ragged [frames, K]."""

    def forward(self, x: Ragged) -> Ragged:
        """Compute the outputs of each frame."""
        frames, num_frames = self.encoder(x)
        outputs = self.output(frames)
        return Ragged(outputs[is_within(num_frames, frames.shape[1])], num_frames)
