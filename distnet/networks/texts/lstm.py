"""A long short-term memory for texts: gates decide what a cell keeps, forgets and shows.

Source: Hochreiter and Schmidhuber 1997; forget gates, Gers et al. 2000, open at first as Jozefowicz
et al. 2015 advise; read in both directions, Graves and Schmidhuber 2005.
"""

from torch import nn

from distnet.networks.texts._recurrent import Recurrent

__all__ = ("LSTM",)


class LSTM(Recurrent):
    """Vectors of tokens, layers of memory cells, and the mean and maximum over a text."""

    layer = nn.LSTM
