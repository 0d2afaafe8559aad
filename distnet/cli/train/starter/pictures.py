"""What the first job file for pictures of classes or with numbers has of its own."""

from math import log2

from distnet.cli.train.starter.length import Length, batch_size_of, length_of
from distnet.data.manifest import Manifest

SMALL_SIDE = 8  # pixels; below, three blocks of cnn would leave nothing of the image
PHOTO_SIDE = 4  # pixels that the last block leaves of a photo: deeper maps see more of it
LARGE_SIDE = 64
"""Pixels; larger pictures are photos more often than drawings, and take longer to compute."""
CHANNELS = (16, 32, 64, 128, 256)
GOOD_STEPS, GOOD_STEPS_OF_LARGE = 3000, 3500
MOST_OF_LARGE = 32
"""Samples of a step: large pictures are few, and more steps learn more of them."""


def is_large(manifest: Manifest) -> bool:
    """Whether the pictures are as large as photos."""
    return min(manifest.x.shape[1:]) > LARGE_SIDE


def network(manifest: Manifest) -> str:
    """Write the section `network`: as many blocks as leave a few pixels a side."""
    shape, side = " x ".join(map(str, manifest.x.shape)), min(manifest.x.shape[1:])
    left = PHOTO_SIDE if is_large(manifest) else SMALL_SIDE
    blocks = min(len(CHANNELS), max(3, round(log2(side / left))))
    maps = list(CHANNELS[:blocks])
    return f"""\
# The network. Convolutions find the same pattern anywhere in a picture. Few and narrow ones learn
# from some thousand pictures, and are computed on CPUs in minutes; resnet has more layers, and is
# worth its time from about ten thousand pictures on, or on GPUs.
# Next: more channels or kind: resnet if the training loss stays high; more augment below if it is
# far below that of the evaluation; larger pictures (data import --size) if details decide.
# Others: mlp (plain layers), resnet, or your own class as ./mynet.py:MyNet.
network:
  kind: cnn                # takes images of {shape} (channels x height x width)
  channels: {maps}   # feature maps of each block; each block halves the image
  dropout: 0.25            # part of the neurons dropped at random; raise it against overfitting
"""


def augment(manifest: Manifest) -> str:
    """Write the key `augment` of the section `data`: photos have no side, drawings may have."""
    if is_large(manifest):
        return """\
  augment:                 # random changes, so that no picture is seen twice
    - {kind: flip}         # left to right; remove it where that changes what is seen
    - {kind: resized-crop} # a part of the picture, enlarged
    - {kind: jitter}       # brightness and contrast
  # - {kind: rotate, degrees: 15}
"""
    return """\
  augment:                 # small random changes, so that no picture is seen twice
    - {kind: shift, pixels: 2}
  # - {kind: flip}           # left to right; not for letters or digits
"""


def length(manifest: Manifest) -> Length:
    """The length of the training: large pictures in smaller steps, and longer.

    Photos are changed at random each time, so that more passes still learn something new.
    """
    num_samples = manifest.splits["train"].num_samples
    batch_size = batch_size_of(num_samples)
    if is_large(manifest):
        return length_of(num_samples, min(batch_size, MOST_OF_LARGE), GOOD_STEPS_OF_LARGE)
    return length_of(num_samples, batch_size, GOOD_STEPS)
