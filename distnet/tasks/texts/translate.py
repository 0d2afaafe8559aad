"""Write a text for each text, such as its translation, learned from pairs.

While training, the network sees the true tokens before each one that it predicts (teacher forcing).
Measured and used, it writes by itself. The task adds one token to those of the target, the end,
which also stands before the first one, as in fairseq: network and loss know it, the dataset does
not.

Letters: n pairs, N tokens of all targets with their ends, V tokens of the target, K = V + 1.
"""

from collections.abc import Sequence
from math import exp
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from distnet.data.batch import Batch, Ragged
from distnet.data.fields._tokenizers import UNKNOWN
from distnet.data.fields.tokens import TokensField
from distnet.data.manifest import Manifest
from distnet.run_folder.figures import Table
from distnet.spec.code.own_errors import refusal
from distnet.spec.metric import LOSS, Metric
from distnet.spec.sections.section import Fraction
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
from distnet.tasks.texts._bleu import LONGEST, bleu_of, count_shared, signature
from distnet.tasks.texts._greedy import write_greedily

__all__ = ("Translate",)

ACCURACY = "token_accuracy"
NUM_SHOWN = 20
"""Texts in the report."""
LARGEST_EXPONENT = 700.0  # the largest whole hundred whose exponential is finite


class Translate:
    """Cross-entropy of each token of the target, where all tokens weigh the same; BLEU is measured.

    The network is constructed with the shape (tokens of the source,) and K. It computes logits
    [N, K] from sources and the beginnings of targets: `network(x, y)`. To write it has `encode`
    and `decode`, see `_greedy.py`. Texts of an evaluation are written greedily, and compared by
    sacrebleu, whose signature stands beside the score.

    Args:
        label_smoothing: the part of a target spread evenly over all tokens (Szegedy et al. 2016).

    Raises:
        ValueError: the dataset has no pairs of texts.
    """

    metrics = (
        Metric("bleu", "number", "higher"),
        Metric("perplexity"),
        Metric(ACCURACY, "percent", "higher"),
    )
    phases = (Phase(metrics=(ACCURACY,)),)

    def __init__(self, data: Manifest, *, label_smoothing: Fraction = 0.1) -> None:
        x, y = data.fields.get("x"), data.fields.get("y")
        if not _is_text(x) or not _is_text(y):
            found = ", ".join(f"{name} ({field.kind})" for name, field in data.fields.items())
            raise ValueError(
                f"task translate needs texts x with texts y, both as tokens, but {data.name!r} has "
                f"{found}; import pairs of texts with: --source-lang de --target-lang en"
            )
        assert isinstance(x, TokensField)
        assert isinstance(y, TokensField)
        self._x, self._y, self._smoothing = x, y, label_smoothing
        self.end = len(y.vocabulary)
        self._never = [y.vocabulary.index(UNKNOWN)] if UNKNOWN in y.vocabulary else []

    @property
    def network_arguments(self) -> tuple[Any, ...]:
        """The tokens of the source, as a shape, and K: those of the target, then the end."""
        return self._x.input_shape, self.end + 1

    def loss(self, networks: Networks, batch: Batch, phase: Phase) -> Loss:  # noqa: ARG002
        """The loss of each token [N], ends among them."""
        logits, target = self._predicted(networks, batch)
        losses = F.cross_entropy(
            logits, target.values, reduction="none", label_smoothing=self._smoothing
        )
        is_right = (logits.detach().argmax(1) == target.values).float()
        metrics = {ACCURACY: (is_right.sum(), float(len(losses)))}
        return Loss(losses, torch.ones_like(losses), metrics)

    def measure(self, networks: Networks, batch: Batch) -> Measured:
        """Sums: tokens, losses, the same without smoothing, right tokens, and BLEU's counts."""
        logits, target = self._predicted(networks, batch)
        smoothed = F.cross_entropy(
            logits, target.values, reduction="none", label_smoothing=self._smoothing
        )
        losses = F.cross_entropy(logits, target.values, reduction="none").double()
        is_right = logits.argmax(1) == target.values
        counts = count_shared(self._write(networks, batch), self._written(batch.ragged("y")))
        of_tokens = (len(losses), float(smoothed.double().sum()), float(losses.sum()))
        sums = torch.tensor([*of_tokens, int(is_right.sum()), *counts], dtype=torch.float64)
        of_texts = Ragged(losses, target.lengths).padded().sum(1)
        return Measured(sums.to(losses.device), of_texts / target.lengths)

    def summarise(self, sums: Tensor, collected: Sequence[bytes]) -> Summary:  # noqa: ARG002
        """Divide once: what concerns tokens by their number, BLEU's counts as BLEU does."""
        num, smoothed, loss, num_right = sums[:4].tolist()
        counts = [round(count) for count in sums[4:].tolist()]
        bleu = bleu_of(counts)
        metrics = {
            LOSS.name: smoothed / num,
            "bleu": bleu.score,
            "perplexity": exp(min(loss / num, LARGEST_EXPONENT)),
            ACCURACY: num_right / num,
        }
        return Summary(metrics, (_precisions(counts, bleu),))

    def predict(self, networks: Networks, batch: Batch) -> list[dict[str, Any]]:
        """Write a text for each source."""
        return [{"translation": text} for text in self._write(networks, batch)]

    def show(self, networks: Networks, first: FirstSamples) -> Shown:
        """Some sources, their references, and what the network writes."""
        stored, prepared = first(NUM_SHOWN)
        sources = [self._x.decode(tokens.numpy()) for tokens in stored.ragged("x").split()]
        references = self._written(stored.ragged("y"))
        texts = zip(sources, references, self._write(networks, prepared), strict=True)
        return Shown((Table("Translations", ("source", "reference", "translation"), tuple(texts)),))

    def _predicted(self, networks: Networks, batch: Batch) -> tuple[Tensor, Ragged]:
        """The logits, fp32 [N, K], and the tokens that they are to predict.

        Raises:
            PartError: the network returned something else.
        """
        network, (before, target) = networks[NETWORK], _with_end(batch.ragged("y"), self.end)
        logits, shape = network(batch.ragged("x"), before), (len(target.values), self.end + 1)
        if not isinstance(logits, Tensor) or logits.shape != shape:
            expected = f"a tensor {list(shape)}, logits of the token after each of the targets"
            raise refusal(network, "forward", logits, expected)
        return logits.float(), target

    def _write(self, networks: Networks, batch: Batch) -> list[str]:
        found = write_greedily(
            networks[NETWORK],
            batch.ragged("x"),
            num_outputs=self.end + 1,
            end=self.end,
            never=self._never,
        )
        return [self._y.decode(tokens.cpu().numpy()).strip() for tokens in found]

    def _written(self, texts: Ragged) -> list[str]:
        return [self._y.decode(tokens.cpu().numpy()) for tokens in texts.split()]


def _is_text(field: object) -> bool:
    return isinstance(field, TokensField) and not field.shape and bool(field.vocabulary)


def _with_end(texts: Ragged, end: int) -> tuple[Ragged, Ragged]:
    """Each text behind the end, as what comes before its tokens; and before it, as its tokens."""
    lengths = texts.lengths + 1
    indices = torch.arange(len(texts.values), device=lengths.device) + texts.sample_of_value
    ends = texts.values.new_full((len(texts.values) + len(texts),), end, dtype=torch.int64)
    tokens = texts.values.long()
    before, target = (ends.index_copy(0, indices + shift, tokens) for shift in (1, 0))
    return Ragged(before, lengths), Ragged(target, lengths)


def _precisions(counts: Sequence[int], bleu: Any) -> Table:
    """What BLEU is the geometric mean of, and how it was computed."""
    rows = tuple(
        (str(length), counts[length - 1], counts[LONGEST + length - 1], precision / 100)
        for length, precision in enumerate(bleu.precisions, start=1)
    )
    brevity = f"brevity penalty {bleu.bp:.3f}, {bleu.sys_len:,} of {bleu.ref_len:,} words"
    return Table(
        f"BLEU {bleu.score:.2f}: {brevity}; sacrebleu {signature()}",
        ("words in a row", "as in the reference", "written", "precision"),
        rows,
        ("number", "number", "number", "percent"),
    )
