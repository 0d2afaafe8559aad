"""A transformer encoder for texts: every token attends to all others of its text.

Source: Vaswani et al. 2017, with the normalisation before each part (Xiong et al. 2020), and the
mean and maximum over the text instead of a token that stands for it.
"""

import torch
from torch import Tensor, nn

from distnet.data.batch import Ragged
from distnet.networks.texts._layers import MeanAndMax, TokenVectors
from distnet.spec.sections.section import Fraction, PositiveInt

__all__ = ("Transformer",)

LONGEST_WAVE = 10_000


class Transformer(nn.Module):
    """Vectors of tokens and of their positions, and layers of attention and two-layer perceptrons.

    Args:
        width: the numbers of a token's vector; a multiple of `heads`, and even.
        heads: how many things a token looks for in the others.
        layers: how many times attention and a perceptron follow one another.
        hidden: the neurons of each perceptron.
        dropout: the part of tokens, numbers and weights of attention left out while training.

    Raises:
        ValueError: width and heads do not fit.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        num_outputs: int,
        *,
        width: PositiveInt = 64,
        heads: PositiveInt = 4,
        layers: PositiveInt = 2,
        hidden: PositiveInt = 128,
        dropout: Fraction = 0.3,
    ) -> None:
        super().__init__()
        if width % heads or width % 2:
            raise ValueError(f"transformer needs an even width that is a multiple of {heads} heads")
        self.tokens = TokenVectors("transformer", input_shape, width, dropout=dropout)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width, heads, hidden, dropout, "gelu", batch_first=True, norm_first=True
            )
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)
        self.head = MeanAndMax(width, num_outputs, dropout=dropout)

    def forward(self, x: Ragged) -> Tensor:
        """Compute the outputs [n, K] of texts."""
        mask = x.mask()
        # As large as positions, which would hide small vectors (Vaswani et al. 2017, section 3.4).
        vectors = self.tokens(x.values) * self.tokens.embedding_dim**0.5
        states = Ragged(vectors, x.lengths).padded()
        states = states + positions(states.shape[1], states.shape[2], states.device)
        for layer in self.layers:
            states = layer(states, src_key_padding_mask=~mask)
        outputs: Tensor = self.head(self.norm(states[mask]), x)
        return outputs


def positions(length: int, width: int, device: torch.device) -> Tensor:
    """Sines and cosines of `width` / 2 wave lengths at each position, [length, width]."""
    rates = LONGEST_WAVE ** (-torch.arange(0, width, 2, device=device) / width)
    angles = torch.arange(length, device=device)[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], 1)
