"""What networks of texts share: vectors of tokens, sequences of unlike lengths, pooling.

Tokens stand one after the other without padding, except inside of layers that need it.

Letters: n texts, N tokens of all of them, E numbers of a token's vector, H of a state, K outputs.
"""

import torch
from torch import Tensor, nn

from distnet.data.batch import Ragged
from distnet.networks.layers import initialise


class TokenVectors(nn.Embedding):
    """A vector for each token of the vocabulary.

    While training, a part of the tokens is left out at random, and then a part of the numbers of
    the others (Gal and Ghahramani 2016), so that no text is read twice in the same way.
    """

    def __init__(
        self, network: str, input_shape: tuple[int, ...], width: int, *, dropout: float
    ) -> None:
        super().__init__(_num_tokens(network, input_shape), width)
        nn.init.normal_(self.weight, std=0.1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        """Look up tokens [N] of any integer type: [N, E]."""
        vectors = super().forward(tokens.long())
        present = self.dropout(vectors.new_ones(len(vectors), 1))
        kept: Tensor = self.dropout(vectors * present)
        return kept


class MeanAndMax(nn.Module):
    """The mean and the maximum of each number over a text, through dropout to the outputs."""

    def __init__(self, width: int, num_outputs: int, *, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.output = initialise(nn.Linear(2 * width, num_outputs), None)

    def forward(self, states: Tensor, texts: Ragged) -> Tensor:
        """Compute outputs [n, K] from the states [N, H] of the tokens of some texts."""
        padded = Ragged(states, texts.lengths).padded()
        missing = ~texts.mask()[:, :, None]
        mean = padded.sum(1) / texts.lengths[:, None]
        largest = padded.masked_fill(missing, -torch.inf).amax(1)
        outputs: Tensor = self.output(self.dropout(torch.cat([mean, largest], 1)))
        return outputs


class BothWays(nn.Module):
    """Recurrent layers, each of which reads the texts from the front, and from the end as well.

    Texts are read as they are padded at the end, and what comes after their end is left out; for
    the other direction each text is turned around by itself. On CPUs that takes half the time of
    packed sequences.

    Args:
        kind: of the layers, such as `nn.LSTM`.
        width: the numbers of a vector.
        hidden: the numbers of a state, in each direction.
        layers: how many layers read one another's states.
        bidirectional: whether to read from the end as well.
    """

    def __init__(
        self,
        kind: type[nn.RNN] | type[nn.LSTM],
        width: int,
        hidden: int,
        *,
        layers: int,
        bidirectional: bool,
    ) -> None:
        super().__init__()
        self.width = hidden * (1 + bidirectional)
        widths = [width] + [self.width] * (layers - 1)
        self.forwards = nn.ModuleList(_initialised(kind(w, hidden)) for w in widths)
        self.backwards = nn.ModuleList(
            _initialised(kind(w, hidden)) for w in widths if bidirectional
        )

    def forward(self, vectors: Tensor, texts: Ragged) -> Tensor:
        """Read the vectors [N, E] of the tokens of some texts: the states [N, H]."""
        turned = _turned(texts) if len(self.backwards) else None
        for index, ahead in enumerate(self.forwards):
            states = _read(ahead, vectors, texts)
            if turned is not None:
                back = _read(self.backwards[index], vectors[turned], texts)[turned]
                states = torch.cat([states, back], 1)
            vectors = states
        return vectors


def _read(layer: nn.Module, vectors: Tensor, texts: Ragged) -> Tensor:
    """The states [N, H] of one layer, from the front."""
    padded = Ragged(vectors, texts.lengths).padded()
    states: Tensor = layer(padded.transpose(0, 1))[0]
    return states.transpose(0, 1)[texts.mask()]


def _turned(texts: Ragged) -> Tensor:
    """The token [N] that stands in the place of each one where every text is turned around."""
    ends = texts.offsets[:-1] + texts.offsets[1:] - 1
    tokens = torch.arange(len(texts.values), device=ends.device)
    return ends[texts.sample_of_value] - tokens


@torch.no_grad()
def _initialised(layer: nn.RNN | nn.LSTM) -> nn.RNN | nn.LSTM:
    """Draw orthogonal weights between states (Saxe et al. 2014), Glorot's for inputs; no biases.

    But the cells of an LSTM keep what they hold at first (Jozefowicz et al. 2015).
    """
    for name, weight in layer.named_parameters():
        if name.startswith("weight_hh"):
            for part in weight.reshape(-1, layer.hidden_size, layer.hidden_size):
                nn.init.orthogonal_(part)
        elif name.startswith("weight_ih"):
            nn.init.xavier_uniform_(weight)
        else:
            nn.init.zeros_(weight)
    if isinstance(layer, nn.LSTM):
        bias = layer.get_parameter("bias_ih_l0")  # of input, forget, cell and output
        bias[layer.hidden_size : 2 * layer.hidden_size] = 1
    return layer


def _num_tokens(network: str, input_shape: tuple[int, ...]) -> int:
    if len(input_shape) != 1:
        raise ValueError(
            f"{network} takes texts, as tokens of a vocabulary, but the data has inputs of shape "
            f"{tuple(input_shape)}; use cnn or mlp for those"
        )
    return input_shape[0]
