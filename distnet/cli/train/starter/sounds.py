"""What the first job file for recordings has of its own: the network and its evaluation."""

from distnet.data.manifest import Manifest

NETWORK = """\
# The network. It hears recordings of any length: mel bands show which pitches sound when, as the
# ear hears them, convolutions find patterns in them, and a recurrent layer their order. Networks
# on the bare samples need many times as many recordings.
# Next: more hidden and channels if the training loss stays high; more dropout if it is far below
# that of the evaluation.
# Others: your own class as ./mynet.py:MyNet.
network:
  kind: crnn
  bands: 40                # parts into which the sound is cut, from low to high
  channels: [16, 32, 32]   # feature maps of each block
  hidden: 64               # neurons of the recurrent layer; more of them learn finer detail
  dropout: 0.2             # part of the neurons dropped at random; raise it against overfitting
"""
EVALUATION = """\
  batch_size: 64           # recordings at once: all are filled up to the longest
"""
GOOD_STEPS = 500
"""Updates after which the network has usually learned single words."""


def has_sounds(manifest: Manifest) -> bool:
    """Whether the dataset has recordings x of classes y."""
    x, y = manifest.fields.get("x"), manifest.fields.get("y")
    return x is not None and x.kind == "audio" and y is not None and y.kind == "class"
