"""Write down what is said in recordings, learned by CTC from texts without times.

The network gives each frame a distribution over the tokens and a blank. The loss is the negative
logarithm of the probability of all ways to spread a text over the frames; what is heard is the
likeliest token of each frame, without repetitions and blanks.

Source: Graves et al. 2006, "Connectionist Temporal Classification".

Letters: n recordings, f frames of all of them, T of the longest, V tokens, K = V + 1 outputs.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from distnet.data.batch import Batch, Ragged
from distnet.data.fields.audio import AudioField
from distnet.data.fields.tokens import TokensField
from distnet.data.manifest import Manifest
from distnet.run_folder.figures import Curve, Series, Table
from distnet.spec.code.own_errors import refusal
from distnet.spec.metric import LOSS, Metric
from distnet.spec.plural import counted
from distnet.tasks.sounds._word_errors import Edits, count_edits
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

__all__ = ("Transcribe",)

NUM_SHOWN = 20
"""Texts in the report."""
TOO_SHORT = "too_short"
SEEN = 0.1
"""A token that is nowhere as probable as this is not drawn."""


class Transcribe:
    """CTC over the tokens of the texts; the word error rate is the headline metric.

    A recording with fewer frames than its text needs has no finite loss. It has none at all then,
    and the metric `too_short` says how many there are.

    Raises:
        ValueError: the dataset has no recordings `x` with texts `y`.
    """

    metrics = (
        Metric("wer", "percent"),
        Metric("token_errors", "percent"),
        Metric(TOO_SHORT, "percent"),
    )
    phases = (Phase(metrics=(TOO_SHORT,)),)

    def __init__(self, data: Manifest) -> None:
        x, y = data.fields.get("x"), data.fields.get("y")
        if not isinstance(x, AudioField) or not isinstance(y, TokensField) or not y.vocabulary:
            found = ", ".join(f"{name} ({field.kind})" for name, field in data.fields.items())
            raise ValueError(
                f"task transcribe needs recordings x (audio) with texts y (tokens), but "
                f"{data.name!r} has {found}; data.view: {{kind: phrases}} makes some of recordings "
                "of single words"
            )
        self._texts, self._shape = y, x.input_shape
        self.blank = len(y.vocabulary)
        self._sample_rate = x.sample_rate

    @property
    def network_arguments(self) -> tuple[Any, ...]:
        """The shape of a second of sound, and K: the tokens, then the blank."""
        return self._shape, self.blank + 1

    def loss(self, networks: Networks, batch: Batch, phase: Phase) -> Loss:
        """The loss of each text for each of its tokens, weighed by their number."""
        frames, texts = self._frames(networks, batch), batch.ragged("y")
        is_too_short = _too_short(frames, texts)
        num_tokens = texts.lengths.clamp(min=1)
        values = self._losses(frames, texts) / num_tokens
        metrics = {TOO_SHORT: (is_too_short.sum(), float(len(texts)))}
        return Loss(values, num_tokens * ~is_too_short, metrics)

    def measure(self, networks: Networks, batch: Batch) -> Measured:
        """Sums: recordings, too short ones, losses, their tokens; edits of words and of tokens."""
        frames, texts = self._frames(networks, batch), batch.ragged("y")
        is_too_short = _too_short(frames, texts)
        losses = self._losses(frames, texts).double()
        num_tokens = texts.lengths * ~is_too_short
        said, heard = texts.split(), self._heard(frames)
        edits = (
            *count_edits(self._written(said), self._written(heard)),
            *count_edits(_numbers(said), _numbers(heard)),
        )
        counts = (len(texts), is_too_short.sum(), losses.sum(), num_tokens.sum(), *edits)
        sums = torch.tensor([float(count) for count in counts], dtype=torch.float64)
        return Measured(sums.to(losses.device), losses / texts.lengths.clamp(min=1))

    def summarise(self, sums: Tensor, collected: Sequence[bytes]) -> Summary:  # noqa: ARG002
        """Divide once: edits by what was said, losses by the tokens that have one."""
        num, num_short, loss, num_tokens = sums[:4].tolist()
        counts = [round(count) for count in sums[4:].tolist()]
        words, tokens = Edits(*counts[:4]), Edits(*counts[4:])
        metrics = {
            LOSS.name: loss / max(1.0, num_tokens),
            "wer": words.rate,
            "token_errors": tokens.rate,
            TOO_SHORT: num_short / num,
        }
        rows = tuple(zip(("substituted", "deleted", "inserted"), words[:3], strict=True))
        shares = tuple((kind, count, count / max(1, words.said)) for kind, count in rows)
        title = f"Errors among {counted(words.said, 'word')}"
        columns = ("error", "words", "share")
        return Summary(metrics, (Table(title, columns, shares, ("number", "number", "percent")),))

    def predict(self, networks: Networks, batch: Batch) -> list[dict[str, Any]]:
        """Write down what is heard."""
        return [
            {"text": text} for text in self._written(self._heard(self._frames(networks, batch)))
        ]

    def show(self, networks: Networks, first: FirstSamples) -> Shown:
        """Texts that were heard beside those that were said, and the outputs of one recording."""
        stored, prepared = first(NUM_SHOWN)
        frames = self._frames(networks, prepared)
        said, heard = stored.ragged("y").split(), self._heard(frames)
        seconds = (stored.ragged("x").lengths / self._sample_rate).tolist()
        texts = zip(self._written(said), self._written(heard), strict=True)
        rows = tuple(
            (round(length, 2), a, b, count_edits([a], [b]).total)
            for length, (a, b) in zip(seconds, texts, strict=True)
        )
        table = Table("Said and heard", ("seconds", "said", "heard", "errors"), rows)
        curve = self._outputs_over_time(frames.split()[0], seconds[0], self._written(said)[0])
        return Shown((table, curve))

    def _outputs_over_time(self, frames: Tensor, seconds: float, said: str) -> Curve:
        probabilities = frames.softmax(1).cpu()
        times = tuple((torch.arange(len(frames)) * seconds / len(frames)).tolist())
        found = probabilities.amax(0) >= SEEN
        names = [*self._texts.vocabulary, "(blank)"]
        series = tuple(
            Series(names[index], times, tuple(probabilities[:, index].tolist()))
            for index in found.nonzero().flatten().tolist()
        )
        return Curve(f"Outputs while hearing: {said}", "seconds", "probability", series)

    def _frames(self, networks: Networks, batch: Batch) -> Ragged:
        """The outputs of all frames, fp32 ragged [f, K].

        Raises:
            PartError: the network returned something else.
        """
        network, num = networks[NETWORK], len(batch)
        found = network(batch.ragged("x"))
        is_ragged = isinstance(found, Ragged) and len(found) == num
        if not is_ragged or found.values.shape[1:] != (self.blank + 1,):
            expected = f"Ragged [frames, {self.blank + 1}]: outputs of the frames of {num} samples"
            raise refusal(network, "forward", found, expected)
        return Ragged(found.values.float(), found.lengths)

    def _losses(self, frames: Ragged, texts: Ragged) -> Tensor:
        """The loss of each text [n]; 0 where it is infinite."""
        log_probabilities = Ragged(frames.values.log_softmax(1), frames.lengths).padded()
        return F.ctc_loss(
            log_probabilities.transpose(0, 1),
            texts.padded(),
            frames.lengths,
            texts.lengths,
            blank=self.blank,
            reduction="none",
            zero_infinity=True,
        )

    def _heard(self, frames: Ragged) -> list[Tensor]:
        """The tokens of each recording."""
        likeliest = frames.values.argmax(1)
        is_new = torch.ones_like(likeliest, dtype=torch.bool)
        sample = frames.sample_of_value
        is_new[1:] = (likeliest[1:] != likeliest[:-1]) | (sample[1:] != sample[:-1])
        is_heard = is_new & (likeliest != self.blank)
        lengths = torch.bincount(sample[is_heard], minlength=len(frames))
        return Ragged(likeliest[is_heard], lengths).split()

    def _written(self, texts: Sequence[Tensor]) -> list[str]:
        return [self._texts.decode(tokens.cpu().numpy()) for tokens in texts]


def _too_short(frames: Ragged, texts: Ragged) -> Tensor:
    """Whether a text needs more frames than there are: one a token, one between equal ones; [n]."""
    tokens, sample = texts.values, texts.sample_of_value
    is_equal = (tokens[1:] == tokens[:-1]) & (sample[1:] == sample[:-1])
    repeated = torch.bincount(sample[1:][is_equal], minlength=len(texts))
    return frames.lengths < texts.lengths + repeated


def _numbers(texts: Sequence[Tensor]) -> list[str]:
    """Tokens as words, to count their edits."""
    return [" ".join(map(str, tokens.tolist())) for tokens in texts]
