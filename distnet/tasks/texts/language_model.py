"""Predict each next token of a text.

Letters: n windows, T tokens of a window, V tokens of the vocabulary.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from math import exp
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from distnet.data.batch import Batch
from distnet.data.fields.tokens import TokensField
from distnet.data.manifest import Manifest
from distnet.data.views.texts.pack import IGNORED
from distnet.run_folder.figures import Curve, Series
from distnet.spec.code.own_errors import refusal
from distnet.spec.metric import LOSS, Metric
from distnet.spec.printable import printable
from distnet.spec.sections.section import PositiveInt
from distnet.tasks.task import (
    NETWORK,
    Exportable,
    FirstSamples,
    Loss,
    Measured,
    Networks,
    Phase,
    Sampling,
    Shown,
    Summary,
)
from distnet.tasks.texts._generation import drawing, next_tokens

__all__ = ("LanguageModel",)

ACCURACY = "accuracy"
LIKELIEST = 3  # the tokens that a prediction shows
LARGEST_EXPONENT = 700.0  # the largest whole hundred whose exponential is finite
SHOWN_TEXTS, PROMPT_TOKENS = 3, 32
MOST_EXPORTED = 8  # windows with which an export is checked: each has T V outputs
MOST_CHARACTERS = 120  # that a message lists


class LanguageModel:
    """Cross-entropy of each next token, in nats; its exponential, the perplexity, is the headline.

    It learns from windows of tokens, as the view `pack` makes them. The network is constructed with
    the shape (T, V) and V, and computes logits [n, T, V] from tokens [n, T]. Each token that has a
    next one weighs the same.

    Args:
        prompts: the report shows how the network continues them; by default, how it continues the
            beginnings of some windows that it is evaluated on.
        shown_tokens: the length of the texts in the report.

    Raises:
        ValueError: the dataset has no windows of tokens, or a prompt does not consist of them.
    """

    metrics = (Metric("perplexity"), Metric(ACCURACY, "percent", "higher"))
    phases = (Phase(metrics=(ACCURACY,)),)

    def __init__(
        self,
        data: Manifest,
        *,
        prompts: tuple[str, ...] = (),
        shown_tokens: PositiveInt = 400,
    ) -> None:
        field = data.fields.get("input")
        if (
            not isinstance(field, TokensField)
            or len(field.shape) != 1
            or "target" not in data.fields
        ):
            found = ", ".join(f"{name} ({field.kind})" for name, field in data.fields.items())
            raise ValueError(
                f"task language-model needs windows of tokens, found the fields {found}; for a "
                "dataset of text, set data.view: {kind: pack, length: 128}"
            )
        if not field.vocabulary:
            raise ValueError(f"task language-model needs tokens with texts: {data.name!r} has none")
        self.field, num_tokens = field, len(field.vocabulary)
        self.network_arguments = ((*field.shape, num_tokens), num_tokens)
        self._prompts = [self._encode(prompt) for prompt in prompts]
        self._shown_tokens = shown_tokens

    def loss(self, networks: Networks, batch: Batch, phase: Phase) -> Loss:  # noqa: ARG002
        """The loss of each token [n T]; those without a next one weigh nothing."""
        losses, is_right, weights = self._scores(networks, batch)
        metrics = {ACCURACY: (is_right.sum(), weights.sum())}
        return Loss(losses.flatten(), weights.flatten(), metrics)

    def measure(self, networks: Networks, batch: Batch) -> Measured:
        """Sums over the valid tokens, the loss and their number at each position of a window."""
        losses, is_right, weights = (each.double() for each in self._scores(networks, batch))
        sums = torch.cat([is_right.sum()[None], losses.sum(0), weights.sum(0)])
        return Measured(sums, losses.sum(1) / weights.sum(1).clamp(min=1))

    def summarise(self, sums: Tensor, collected: Sequence[bytes]) -> Summary:  # noqa: ARG002
        """The mean loss, perplexity, accuracy, and the loss by position."""
        losses, counts = sums[1:].chunk(2)
        count = float(counts.sum())
        mean = float(losses.sum()) / count
        metrics = {
            LOSS.name: mean,
            "perplexity": exp(min(mean, LARGEST_EXPONENT)),
            ACCURACY: float(sums[0]) / count,
        }
        return Summary(metrics, (_by_position(losses, counts),))

    def predict(self, networks: Networks, batch: Batch) -> list[dict[str, Any]]:
        """The likeliest tokens after each window."""
        logits = self._logits(networks, batch)[:, -1]
        found = logits.softmax(1).topk(min(LIKELIEST, logits.shape[1]))
        tops = zip(found.values.tolist(), found.indices.tolist(), strict=True)
        return [self._prediction(probabilities, tokens) for probabilities, tokens in tops]

    def show(self, networks: Networks, first: FirstSamples) -> Shown:
        """How the network continues the prompts, by draws from torch's global generator."""
        sampling = Sampling(tokens=self._shown_tokens, seed=None)
        prompts = self._prompts or self._beginnings(first)
        made = [list(self._continue(networks, prompt, sampling)) for prompt in prompts]
        title = f"{self.field.called} continued at temperature {sampling.temperature}"
        return Shown((self.field.figure(title, prompts, made),))

    def generate(self, networks: Networks, prompt: str, sampling: Sampling) -> Iterator[str]:
        """Yield the text that follows a prompt, piece by piece.

        Raises:
            ValueError: the prompt is empty, or has a character that is no token.
        """
        tokens = self._encode(prompt or self.field.start)
        made = self._continue(networks, tokens, sampling)
        return self.field.stream(made, after=tokens if prompt else ())

    def require_file(self, suffix: str) -> None:
        """Check that `to_file` knows such files.

        Raises:
            ValueError: there is no such file of it.
        """
        self.field.require_file(suffix)

    def to_file(self, text: str, suffix: str) -> bytes:
        """The content of a file with a generated text: of music also as MIDI.

        Raises:
            ValueError: there is no such file of it.
        """
        return self.field.to_file(text, suffix)

    def exportable(self, networks: Networks, num: int) -> Exportable:
        """The logits after each token of windows of any length up to that of the training."""
        length, num_tokens = self.network_arguments[0]
        tokens = torch.randint(num_tokens, (min(num, MOST_EXPORTED), length))
        meanings = {
            "tokens": "indices of the vocabulary, int64 [n, length]",
            "logits": "of each next token, [n, length, vocabulary]",
        }
        return Exportable(networks[NETWORK], {"tokens": tokens}, "logits", meanings, length)

    def _continue(
        self, networks: Networks, prompt: Sequence[int], sampling: Sampling
    ) -> Iterator[int]:
        """Yield the tokens that follow those of a prompt."""
        network, (length,) = networks[NETWORK], self.field.shape
        device = next(network.parameters()).device
        made = next_tokens(network, prompt, drawing(sampling), length=length, device=device)
        return islice(made, sampling.tokens)

    def _scores(self, networks: Networks, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """The loss of each token, whether it was the likeliest, and its weight; each [n, T]."""
        logits, target = self._logits(networks, batch), batch.tensor("target")
        losses = F.cross_entropy(
            logits.flatten(0, 1), target.flatten(), ignore_index=IGNORED, reduction="none"
        )
        is_right = (logits.argmax(2) == target).float()
        return losses.view_as(target), is_right, (target != IGNORED).float()

    def _logits(self, networks: Networks, batch: Batch) -> Tensor:
        """Compute the logits, fp32 [n, T, V].

        Raises:
            PartError: the network returned something else.
        """
        network, tokens = networks[NETWORK], batch.tensor("input")
        logits, expected = network(tokens), (*tokens.shape, len(self.field.vocabulary))
        if not isinstance(logits, Tensor) or logits.shape != expected:
            what = f"a tensor {list(expected)} of logits for tokens {list(tokens.shape)}"
            raise refusal(network, "forward", logits, what)
        return logits.float()

    def _encode(self, prompt: str) -> list[int]:
        try:
            tokens: list[int] = self.field.encode(prompt).tolist()
        except KeyError as error:
            raise ValueError(
                f"prompt: found {error.args[0]!r}, which is not among the "
                f"{len(self.field.vocabulary)} tokens that the network knows"
                f"{_characters(self.field.vocabulary)}"
            ) from None
        if not tokens:
            raise ValueError("prompt: found no token in it, expected one or more")
        return tokens

    def _decode(self, tokens: Sequence[int]) -> str:
        return self.field.decode(np.array(tokens, np.int32))

    def _beginnings(self, first: FirstSamples) -> list[list[int]]:
        """The first tokens of some windows that are evaluated."""
        stored, _ = first(SHOWN_TEXTS)
        beginnings: list[list[int]] = stored.tensor("input")[:, :PROMPT_TOKENS].tolist()
        return beginnings

    def _prediction(self, probabilities: list[float], tokens: list[int]) -> dict[str, Any]:
        top = [
            {"token": self._decode([token]), "probability": probability}
            for token, probability in zip(tokens, probabilities, strict=True)
        ]
        return {**top[0], "top": top}


def _by_position(losses: Tensor, counts: Tensor) -> Curve:
    """The mean loss at each position of a window: the more tokens before it, the lower."""
    positions = counts.nonzero().flatten()
    means = (losses[positions] / counts[positions]).tolist()
    line = Series("loss", tuple((positions + 1.0).tolist()), tuple(means))
    return Curve(
        "Loss by position in the window", "tokens before the predicted one", "nats", (line,)
    )


def _characters(vocabulary: Sequence[str]) -> str:
    """The vocabulary as part of a message, where it is one of few characters."""
    if len(vocabulary) > MOST_CHARACTERS or any(len(token) != 1 for token in vocabulary):
        return ""
    return f": {printable(''.join(vocabulary))}"
