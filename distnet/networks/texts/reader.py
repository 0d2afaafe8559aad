"""A reader: for each token of a text, whether the answer to a question begins or ends with it.

What a text and a question have in common is seen at once: a word that occurs in both is marked, and
counts as much as it says. Recurrent layers carry that to the words around it.

Source: Chen et al. 2017, "Reading Wikipedia to Answer Open-Domain Questions" (the document reader),
without vectors that were learned elsewhere.

Letters: n questions, N tokens of all contexts, E numbers of a token's vector, H of a state.
"""

import torch
from torch import Tensor, nn

from distnet.data.batch import Ragged
from distnet.networks.layers import initialise
from distnet.networks.texts._layers import BothWays, TokenVectors
from distnet.spec.sections.section import Fraction, PositiveInt

__all__ = ("Reader",)


class Reader(nn.Module):
    """Vectors of tokens, marks of words in common, an LSTM each way, and a match with the question.

    Args:
        width: the numbers of a token's vector.
        hidden: the cells of a layer in each direction.
        layers: how many layers read one another's states.
        dropout: the part of tokens, of their numbers and of states left out while training.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        num_outputs: int,
        *,
        width: PositiveInt = 32,
        hidden: PositiveInt = 32,
        layers: PositiveInt = 1,
        dropout: Fraction = 0.3,
    ) -> None:
        super().__init__()
        self.tokens = TokenVectors("reader", input_shape, width, dropout=dropout)
        self.importance = nn.Embedding(input_shape[0], 1)
        nn.init.ones_(self.importance.weight)
        self.read_question = BothWays(nn.LSTM, width, hidden, layers=1, bidirectional=True)
        self.read_context = BothWays(nn.LSTM, width + 1, hidden, layers=layers, bidirectional=True)
        self.attention = nn.Linear(self.read_question.width, 1)
        self.dropout = nn.Dropout(dropout)
        pairs = self.read_context.width * num_outputs
        self.match = initialise(nn.Linear(self.read_question.width, pairs), None)
        self.output = initialise(nn.Linear(self.read_context.width, num_outputs), None)

    def forward(self, context: Ragged, question: Ragged) -> Ragged:
        """Compute two outputs for each token of the contexts, ragged [N, 2]."""
        common = in_both(context, question)[:, None] * self.importance(context.values.long())
        words = torch.cat([self.tokens(context.values), common], 1)
        states = self.dropout(self.read_context(words, context))
        query = self.match(self._summary(question))[context.sample_of_value]
        pairs = query.view(len(states), self.output.out_features, -1)
        outputs = (pairs @ states[:, :, None])[:, :, 0] + self.output(states)
        return Ragged(outputs, context.lengths)

    def _summary(self, question: Ragged) -> Tensor:
        """What a question is about: its states, weighed by how much each matters, [n, H]."""
        states = self.read_question(self.tokens(question.values), question)
        weights = Ragged(self.attention(states), question.lengths).padded(-torch.inf).softmax(1)
        weighed = weights * Ragged(states, question.lengths).padded()
        summary: Tensor = self.dropout(weighed.sum(1))
        return summary


def in_both(context: Ragged, question: Ragged) -> Tensor:
    """1 for each token of the contexts that its question has as well, else 0, [N]."""
    words = context.padded(-1)[:, :, None] == question.padded(-2)[:, None, :]
    return words.any(2)[context.mask()].float()
