"""A recurrent network for texts: it reads word by word and keeps a state of what it has read.

Source: Elman 1990; read in both directions, Schuster and Paliwal 1997.
"""

from torch import Tensor, nn

from distnet.data.batch import Ragged
from distnet.networks.texts._layers import BothWays, MeanAndMax, TokenVectors
from distnet.spec.sections.section import Fraction, PositiveInt

__all__ = ("RNN",)


class RNN(nn.Module):
    """Vectors of tokens, recurrent layers of tanh neurons, and the mean and maximum over a text.

    Args:
        width: the numbers of a token's vector.
        hidden: the neurons of a layer in each direction.
        layers: how many layers read one another's states.
        bidirectional: whether to read from the end as well.
        dropout: the part of tokens, of their numbers and of what is known of the text that is left
            out at random while training.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        num_outputs: int,
        *,
        width: PositiveInt = 64,
        hidden: PositiveInt = 64,
        layers: PositiveInt = 1,
        bidirectional: bool = True,
        dropout: Fraction = 0.4,
    ) -> None:
        super().__init__()
        self.tokens = TokenVectors("rnn", input_shape, width, dropout=dropout)
        self.layers = BothWays(nn.RNN, width, hidden, layers=layers, bidirectional=bidirectional)
        self.head = MeanAndMax(self.layers.width, num_outputs, dropout=dropout)

    def forward(self, x: Ragged) -> Tensor:
        """Compute the outputs [n, K] of texts."""
        states = self.layers(self.tokens(x.values), x)
        outputs: Tensor = self.head(states, x)
        return outputs
