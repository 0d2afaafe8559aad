"""A long short-term memory for texts: gates decide what a cell keeps, forgets and shows.

Source: Hochreiter and Schmidhuber 1997; forget gates, Gers et al. 2000, open at first as Jozefowicz
et al. 2015 advise; read in both directions, Graves and Schmidhuber 2005.
"""

import torch
from torch import Tensor, nn

from distnet.data.batch import Ragged
from distnet.networks.texts._layers import BothWays, MeanAndMax, TokenVectors
from distnet.spec.sections.section import Fraction, PositiveInt

__all__ = ("LSTM",)


class LSTM(nn.Module):
    """Vectors of tokens, layers of memory cells, and the mean and maximum over a text.

    Args:
        width: the numbers of a token's vector.
        hidden: the cells of a layer in each direction.
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
        self.tokens = TokenVectors("lstm", input_shape, width, dropout=dropout)
        self.layers = BothWays(nn.LSTM, width, hidden, layers=layers, bidirectional=bidirectional)
        for layer in self.layers.modules():
            _open_forget_gate(layer)
        self.head = MeanAndMax(self.layers.width, num_outputs, dropout=dropout)

    def forward(self, x: Ragged) -> Tensor:
        """Compute the outputs [n, K] of texts."""
        states = self.layers(self.tokens(x.values), x)
        outputs: Tensor = self.head(states, x)
        return outputs


@torch.no_grad()
def _open_forget_gate(layer: nn.Module) -> None:
    """Let the cells keep what they hold at first; torch adds up two biases, of which one is set."""
    if isinstance(layer, nn.LSTM):
        bias = layer.get_parameter("bias_ih_l0")  # of input, forget, cell and output
        bias[layer.hidden_size : 2 * layer.hidden_size] = 1
