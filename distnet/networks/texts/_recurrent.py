"""What recurrent networks for texts share: all but the kind of their layers.

Letters: n texts, K outputs.
"""

from typing import ClassVar

from torch import Tensor, nn

from distnet.data.batch import Ragged
from distnet.networks.texts._layers import BothWays, MeanAndMax, TokenVectors
from distnet.spec.sections.section import Fraction, PositiveInt


class Recurrent(nn.Module):
    """Vectors of tokens, recurrent layers, and the mean and maximum over a text.

    Args:
        width: the numbers of a token's vector.
        hidden: the neurons of a layer in each direction.
        layers: how many layers read one another's states.
        bidirectional: whether to read from the end as well.
        dropout: the part of tokens, of their numbers and of what is known of the text that is left
            out at random while training.
    """

    layer: ClassVar[type[nn.RNN] | type[nn.LSTM]]

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
        name = type(self).__name__.lower()
        self.tokens = TokenVectors(name, input_shape, width, dropout=dropout)
        self.layers = BothWays(
            self.layer, width, hidden, layers=layers, bidirectional=bidirectional
        )
        self.head = MeanAndMax(self.layers.width, num_outputs, dropout=dropout)

    def forward(self, x: Ragged) -> Tensor:
        """Compute the outputs [n, K] of texts."""
        states = self.layers(self.tokens(x.values), x)
        outputs: Tensor = self.head(states, x)
        return outputs
