"""Answer questions about a text by a part of it: the network says where it begins and ends.

Letters: n questions, N tokens of all contexts, T of the longest one, V tokens of the vocabulary.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from distnet.data.batch import Batch, Ragged
from distnet.data.fields.span import SpanField
from distnet.data.fields.text import TextField
from distnet.data.fields.tokens import TokensField
from distnet.data.manifest import Manifest
from distnet.run_folder.figures import Table
from distnet.spec.code.own_errors import refusal
from distnet.spec.metric import LOSS, Metric
from distnet.spec.sections.section import PositiveInt
from distnet.tasks.task import (
    NETWORK,
    FirstSamples,
    Loss,
    Measured,
    Networks,
    Phase,
    Shown,
    Summary,
)
from distnet.tasks.texts._squad import exact_match, f1

__all__ = ("Answer",)

NUM_SHOWN = 20
"""Questions in the report."""
FIELDS = {"context": TokensField, "question": TokensField, "span": SpanField, "text": TextField}
NUM_OUTPUTS = 2
"""Of each token: whether an answer begins with it, and whether it ends with it."""


class Answer:
    """Cross-entropy of the first and of the last token of an answer; F1 is the headline metric.

    The network is made with the shape (V,) and 2, and computes from the tokens of contexts and of
    questions, both ragged, two outputs for each token of the contexts, ragged [N, 2].

    F1 and exact match compare texts, as SQuAD does: the answer is read from the context as it was
    written.

    Args:
        longest: how many tokens an answer has at most (Chen et al. 2017).

    Raises:
        ValueError: the dataset has no questions with spans of their contexts.
    """

    metrics = (Metric("f1", "percent", "higher"), Metric("exact_match", "percent", "higher"))

    def __init__(self, data: Manifest, *, longest: PositiveInt = 15) -> None:
        fields = data.fields
        if not all(isinstance(fields.get(name), kind) for name, kind in FIELDS.items()):
            found = ", ".join(f"{name} ({field.kind})" for name, field in fields.items())
            raise ValueError(
                f"task answer needs a context, a question, a span and the text of the context, as "
                f"the source squad has them; {data.name!r} has {found}"
            )
        tokens = fields["context"]
        assert isinstance(tokens, TokensField)
        self._tokens, self._longest = tokens, longest

    @property
    def network_arguments(self) -> tuple[Any, ...]:
        """The shape of a token, and the outputs of each."""
        return self._tokens.input_shape, NUM_OUTPUTS

    def loss(self, networks: Networks, batch: Batch, phase: Phase) -> Loss:  # noqa: ARG002
        """The mean loss of both ends of each answer."""
        return Loss(_losses(*self._ends(networks, batch), batch.tensor("span")))

    def measure(self, networks: Networks, batch: Batch) -> Measured:
        """Sums: questions, losses, F1 and exact matches."""
        ends = self._ends(networks, batch)
        losses = _losses(*ends, batch.tensor("span")).double()
        found = [answer for answer, _ in self._answers(ends, batch)]
        right = [text.split("\n") for text in _texts(batch, "answers")]
        scores = [sum(map(score, found, right)) for score in (f1, exact_match)]
        sums = [float(len(found)), float(losses.sum()), *scores]
        return Measured(torch.tensor(sums, dtype=torch.float64, device=losses.device), losses)

    def summarise(self, sums: Tensor, collected: Sequence[bytes]) -> Summary:  # noqa: ARG002
        """The means over all questions."""
        num, *totals = sums.tolist()
        names = (LOSS.name, *(metric.name for metric in self.metrics))
        return Summary({name: total / num for name, total in zip(names, totals, strict=True)})

    def predict(self, networks: Networks, batch: Batch) -> list[dict[str, Any]]:
        """The likeliest answer to each question, and the probability of its span."""
        found = self._answers(self._ends(networks, batch), batch)
        return [{"answer": answer, "probability": probability} for answer, probability in found]

    def show(self, networks: Networks, first: FirstSamples) -> Shown:
        """Questions with their right answers and those that were found."""
        stored, prepared = first(NUM_SHOWN)
        found = [answer for answer, _ in self._answers(self._ends(networks, prepared), prepared)]
        right = [text.split("\n") for text in _texts(stored, "answers")]
        questions = [self._tokens.decode(q.numpy()) for q in stored.ragged("question").split()]
        rows = tuple(
            (question, answers[0], answer, f1(answer, answers))
            for question, answers, answer in zip(questions, right, found, strict=True)
        )
        title, columns = "Questions and answers", ("question", "answer", "found", "F1")
        return Shown((Table(title, columns, rows, ("number", "number", "number", "percent")),))

    def _ends(self, networks: Networks, batch: Batch) -> tuple[Tensor, Tensor]:
        """The log-probabilities of each token to be the first and the last, fp32 [n, T] each.

        Raises:
            PartError: the network returned something else.
        """
        network, context = networks[NETWORK], batch.ragged("context")
        found = network(context, batch.ragged("question"))
        expected = (len(context.values), NUM_OUTPUTS)
        if not isinstance(found, Ragged) or found.values.shape != expected:
            raise refusal(
                network,
                "forward",
                found,
                f"Ragged {list(expected)}: two outputs for each token of the contexts",
            )
        first, last = found.values.float().unbind(1)
        return _log_softmax(first, context), _log_softmax(last, context)

    def _answers(self, ends: tuple[Tensor, Tensor], batch: Batch) -> list[tuple[str, float]]:
        """The likeliest span of each context as a text, and its probability."""
        first, last, scores = (part.tolist() for part in best_spans(*ends, self._longest))
        found = []
        for text, low, high, score in zip(_texts(batch, "text"), first, last, scores, strict=True):
            offsets = self._tokens.offsets(text)
            found.append((text[offsets[low][0] : offsets[high][1]].strip(), score))
        return found


def best_spans(first: Tensor, last: Tensor, longest: int) -> tuple[Tensor, Tensor, Tensor]:
    """Find the likeliest span of at most `longest` tokens.

    Args:
        first: the log-probability of each token to be the first one, [n, T].
        last: and to be the last one.
        longest: the number of tokens.

    Returns:
        The first token, the last token, and the probability of each, [n].
    """
    scores = []
    for more in range(min(longest, first.shape[1])):
        ends = last[:, more:] if more else last
        ends = F.pad(ends, (0, more), value=-torch.inf)
        scores.append(first + ends)
    best, indices = torch.stack(scores, 2).flatten(1).max(1)
    begin = indices // len(scores)
    return begin, begin + indices % len(scores), best.exp()


def _losses(first: Tensor, last: Tensor, span: Tensor) -> Tensor:
    ends = (F.nll_loss(each, span[:, i], reduction="none") for i, each in enumerate((first, last)))
    return torch.stack(list(ends)).mean(0)


def _log_softmax(outputs: Tensor, context: Ragged) -> Tensor:
    """Over the tokens of each context; there is none where it is shorter, [n, T]."""
    return Ragged(outputs, context.lengths).padded(-torch.inf).log_softmax(1)


def _texts(batch: Batch, name: str) -> list[str]:
    return [TextField.decode(sample.cpu().numpy()) for sample in batch.ragged(name).split()]
