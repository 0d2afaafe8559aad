"""An encoder-decoder transformer: it reads a text, and writes another one, token by token.

Source: Vaswani et al. 2017, with the normalisation before each part (Xiong et al. 2020). The output
layer shares its weights with the vectors of the target's tokens (Press and Wolf 2017).

Tokens stand one after the other without padding, except inside of attention.

Letters: n texts, N tokens of all of them, T of the longest, C width, H heads, K outputs.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from distnet.data.batch import Ragged
from distnet.networks.texts.transformer import positions
from distnet.spec.sections.section import Fraction, PositiveInt

__all__ = ("Seq2SeqTransformer",)


class Seq2SeqTransformer(nn.Module):
    """Predicts the token after each one of a target, from a source: `network(x, y) -> [N, K]`.

    It is constructed with the shape (V,), the tokens of the source, and K, those of the target.

    Args:
        width: the numbers of a token's vector; a multiple of `heads`, and even.
        heads: how many things a token looks for in the others.
        layers: of the encoder, and as many of the decoder.
        hidden: the neurons of the perceptron of each layer.
        dropout: the part of the vectors, and of what each layer adds, left out while training.

    Raises:
        ValueError: the source is no text, or width and heads do not fit.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        num_outputs: int,
        *,
        width: PositiveInt = 128,
        heads: PositiveInt = 4,
        layers: PositiveInt = 2,
        hidden: PositiveInt = 512,
        dropout: Fraction = 0.1,
    ) -> None:
        super().__init__()
        if len(input_shape) != 1:
            raise ValueError(
                "seq2seq-transformer takes texts, as tokens of a vocabulary, but the data has "
                f"inputs of shape {tuple(input_shape)}"
            )
        if width % heads or width % 2:
            raise ValueError(
                f"seq2seq-transformer needs an even width that is a multiple of {heads} heads"
            )
        sizes = (width, heads, hidden, dropout)
        self.source = nn.Embedding(input_shape[0], width)
        self.target = nn.Embedding(num_outputs, width)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.Sequential(*(_encoder_layer(*sizes) for _ in range(layers)))
        self.encoder_norm = nn.LayerNorm(width)
        self.decoder = nn.ModuleList(_DecoderLayer(*sizes) for _ in range(layers))
        self.decoder_norm = nn.LayerNorm(width)
        self.output = nn.Linear(width, num_outputs)
        self.apply(_initialise)
        self.output.weight = self.target.weight

    def forward(self, x: Ragged, y: Ragged) -> Tensor:
        """Compute the logits [N, K] of the token after each one of the targets y of sources x."""
        return self.decode(y, self.encode(x))

    def encode(self, x: Ragged) -> Ragged:
        """Read sources: a vector [C] for each of their tokens."""
        states = self.encoder(self._vectors(self.source, x))
        return Ragged(self.encoder_norm(states.values), x.lengths)

    def decode(self, y: Ragged, memory: Ragged, *, last: bool = False) -> Tensor:
        """Compute the logits of the token after each one of the targets y.

        Args:
            y: the beginnings of the targets, at least one token each.
            memory: the vectors of the sources.
            last: only of the token after each beginning, [n, K].
        """
        states = self._vectors(self.target, y)
        for layer in self.decoder:
            states = layer(states, memory)
        values = states.values[y.offsets[1:] - 1] if last else states.values
        logits: Tensor = self.output(self.decoder_norm(values))
        return logits

    def _vectors(self, embedding: nn.Embedding, tokens: Ragged) -> Ragged:
        """The vectors of tokens and of their positions."""
        values = embedding(tokens.values.long()) * embedding.embedding_dim**0.5
        longest = int(tokens.lengths.max()) if len(tokens) else 0
        waves = positions(longest, embedding.embedding_dim, values.device)
        first = tokens.offsets[:-1][tokens.sample_of_value]
        position = torch.arange(len(values), device=values.device) - first
        return Ragged(self.dropout(values + waves[position]), tokens.lengths)


def _encoder_layer(width: int, heads: int, hidden: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(_Attention(width, heads, dropout), _Perceptron(width, hidden, dropout))


class _DecoderLayer(nn.Module):
    """Each token looks at those before it, then at what was read, and at itself."""

    def __init__(self, width: int, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.attention = _Attention(width, heads, dropout, is_causal=True)
        self.reading = _Attention(width, heads, dropout)
        self.perceptron = _Perceptron(width, hidden, dropout)

    def forward(self, x: Ragged, memory: Ragged) -> Ragged:
        changed: Ragged = self.perceptron(self.reading(self.attention(x), memory))
        return changed


class _Attention(nn.Module):
    """Each token looks at tokens of its own text or of another one; added to its vector.

    A causal token sees those before it, none of which is padding, so it needs no other mask.
    """

    def __init__(self, width: int, heads: int, dropout: float, *, is_causal: bool = False) -> None:
        super().__init__()
        self._head_width, self._is_causal = width // heads, is_causal
        self.norm = nn.LayerNorm(width)
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.added = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Ragged, memory: Ragged | None = None) -> Ragged:
        own = Ragged(self.norm(x.values), x.lengths)
        seen = own if memory is None else memory
        q = self._by_head(self.query(own.values), x)
        k, v = self._by_head(self.key_value(seen.values), seen).chunk(2, 1)
        mask = None if self._is_causal else seen.mask()[:, None, None]
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=self._is_causal)
        added = self.dropout(self.added(mixed.transpose(1, 2).flatten(2)[x.mask()]))
        return Ragged(x.values + added, x.lengths)

    def _by_head(self, values: Tensor, texts: Ragged) -> Tensor:
        """Vectors [N, heads D] as [n, heads, T, D]."""
        padded = Ragged(values, texts.lengths).padded()
        return padded.view(*padded.shape[:2], -1, self._head_width).transpose(1, 2)


class _Perceptron(nn.Module):
    """One hidden layer, for each token by itself; added to its vector."""

    def __init__(self, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.hidden = nn.Linear(width, hidden)
        self.added = nn.Linear(hidden, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Ragged) -> Ragged:
        added = self.added(self.hidden(self.norm(x.values)).relu())
        return Ragged(x.values + self.dropout(added), x.lengths)


@torch.no_grad()
def _initialise(module: nn.Module) -> None:
    """Draw weights so that sums of inputs and of gradients keep their size (Glorot and Bengio)."""
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Embedding):
        nn.init.normal_(module.weight, std=module.embedding_dim**-0.5)
