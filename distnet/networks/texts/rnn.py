"""A recurrent network for texts: it reads word by word and keeps a state of what it has read.

Source: Elman 1990; read in both directions, Schuster and Paliwal 1997.
"""

from torch import nn

from distnet.networks.texts._recurrent import Recurrent

__all__ = ("RNN",)


class RNN(Recurrent):
    """Vectors of tokens, recurrent layers of tanh neurons, and the mean and maximum over a text."""

    layer = nn.RNN
