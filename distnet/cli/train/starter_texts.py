"""The first job file for texts of any length with classes or numbers: what is unlike others."""

from distnet.data.manifest import Manifest

NETWORK = """\
# The network. Memory cells read a text word by word, from both ends.
# Others: transformer (attention), rnn (without cells), or your own class as ./mynet.py:MyNet.
network:
  kind: lstm
  width: 64                # numbers of the vector of a token
  hidden: 64               # cells in each direction
  dropout: 0.5             # part left out at random; raise it against overfitting
"""
GOOD_STEPS = 900
"""Updates after which the network has usually learned what there is; more make it overfit."""


def has_texts(manifest: Manifest) -> bool:
    """Whether x is texts of any length."""
    x = manifest.fields.get("x")
    return x is not None and x.kind == "tokens" and not x.shape
