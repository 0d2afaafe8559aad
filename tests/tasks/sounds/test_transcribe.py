"""Transcribe: CTC's loss by its definition, what is heard, and errors that add up."""

from collections.abc import Mapping
from itertools import groupby, product
from typing import Any

import jiwer
import pytest
import torch
from torch import Tensor, nn

from distnet.data.batch import Batch, Ragged
from distnet.data.fields.audio import AudioField
from distnet.data.fields.class_ import ClassField
from distnet.data.fields.tokens import TokensField
from distnet.data.manifest import Manifest, Split
from distnet.errors import PartError
from distnet.tasks.sounds.transcribe import Transcribe
from distnet.tasks.task import Phase
from distnet.train.compute.slice_gradient import weigh

WORDS = ("yes", "no")
BLANK = 2


class Given(nn.Module):
    """Outputs that are given, whatever is heard."""

    def __init__(self, *recordings: Tensor) -> None:
        super().__init__()
        self.outputs = nn.Parameter(torch.cat(recordings))
        self.lengths = torch.tensor([len(part) for part in recordings])

    def forward(self, x: Ragged) -> Ragged:
        assert len(x) == len(self.lengths)
        return Ragged(self.outputs, self.lengths)


def manifest(**fields: Any) -> Manifest:
    every = {
        "x": AudioField(sample_rate=8000),
        "y": TokensField(tokenizer="words", vocabulary=WORDS),
    }
    return Manifest.model_construct(
        name="words", fields=every | fields, splits={"train": Split(num_samples=0, shards=())}
    )


def batch(*texts: list[int]) -> Batch:
    silence = Ragged.of([torch.zeros(80 * (i + 1), dtype=torch.int16) for i in range(len(texts))])
    parts = [torch.tensor(text, dtype=torch.int64) for text in texts]
    return Batch({"x": silence, "y": Ragged.of(parts)})


def frames(*likeliest: int) -> Tensor:
    """Outputs [frames, 3] that are all but certain."""
    return 20.0 * torch.eye(3)[list(likeliest)]


def heard(path: tuple[int, ...]) -> list[int]:
    return [token for token, _ in groupby(path) if token != BLANK]


def by_definition(outputs: Tensor, text: list[int]) -> Tensor:
    """The sum over all paths through the frames that are heard as the text."""
    log = outputs.log_softmax(1)
    paths = [p for p in product(range(3), repeat=len(outputs)) if heard(p) == text]
    total = torch.stack([sum(log[t, token] for t, token in enumerate(p)) for p in paths])
    return -total.logsumexp(0)


def test_loss_and_gradient_are_those_of_all_paths() -> None:
    torch.manual_seed(0)
    network, texts = (
        Given(torch.randn(4, 3), torch.randn(3, 3), torch.randn(5, 3)),
        ([0, 1], [1], [1, 1]),
    )
    task, phase = Transcribe(manifest()), Phase(metrics=("too_short",))
    loss = task.loss({"network": network}, batch(*texts), phase)
    value, sums = weigh(loss, phase, 3)
    parts = network.outputs.split([4, 3, 5])
    expected = sum(by_definition(part, text) for part, text in zip(parts, texts, strict=True))
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(
        torch.autograd.grad(value, network.outputs)[0],
        torch.autograd.grad(expected, network.outputs)[0],
    )
    assert sums.tolist() == [pytest.approx(value.item()), 5, 0, 3]


def test_a_text_that_does_not_fit_is_counted_and_moves_nothing() -> None:
    # Two equal tokens need a blank between them: three frames.
    network = Given(torch.randn(2, 3), torch.randn(3, 3), torch.randn(2, 3))
    task, phase = Transcribe(manifest()), Phase(metrics=("too_short",))
    loss = task.loss({"network": network}, batch([0, 0], [0, 0], [0, 1]), phase)
    value, sums = weigh(loss, phase, 3)
    gradient = torch.autograd.grad(value, network.outputs)[0]
    assert sums[1:].tolist() == [4, 1, 3]  # tokens with a loss; one of three recordings without
    assert value.isfinite()
    assert gradient.isfinite().all()
    assert gradient[:2].abs().sum() == 0
    assert gradient[2:].abs().sum() > 0
    with torch.no_grad():
        measured = task.measure({"network": network}, batch([0, 0], [0, 0], [0, 1]))
    summary = task.summarise(measured.sums, ())
    assert summary.metrics["too_short"] == pytest.approx(1 / 3)
    assert summary.metrics["loss"] == pytest.approx(value.item() / 4, rel=1e-6)


def test_repetitions_and_blanks_are_not_heard() -> None:
    network = Given(frames(2, 0, 0, 2, 0, 1), frames(1, 1, 1), frames(2, 2), frames(1, 0, 2))
    task = Transcribe(manifest())
    found = task.predict({"network": network}, batch([0], [0], [0], [0]))
    assert [one["text"] for one in found] == ["yes yes no", "no", "", "no yes"]


@torch.no_grad()
def measured(task: Transcribe, said: list[list[int]], outputs: list[Tensor]) -> Mapping[str, float]:
    sums = [
        task.measure({"network": Given(*outputs[low:high])}, batch(*said[low:high])).sums
        for low, high in ((0, 2), (2, 4))
    ]
    return task.summarise(torch.stack(sums).sum(0), ()).metrics


def test_errors_of_all_batches_are_added_up_and_divided_once() -> None:
    said = [[0, 1, 1], [1], [0], [0, 1]]
    outputs = [frames(0, 1, 0), frames(1, 2, 0), frames(2, 2), frames(0, 0, 1)]
    texts = [" ".join(WORDS[token] for token in text) for text in said]
    found = ["yes no yes", "no yes", "", "yes no"]
    metrics = measured(Transcribe(manifest()), said, outputs)
    assert metrics["wer"] == pytest.approx(jiwer.wer(texts, found))
    assert metrics["wer"] == metrics["token_errors"] == pytest.approx(3 / 7)


def test_words_of_several_tokens_are_compared_whole() -> None:
    letters = TokensField(vocabulary=("a", " "))
    task = Transcribe(manifest(y=letters))
    said, outputs = (
        [[0, 1, 0]] * 4,
        [frames(0, 1, 0), frames(0, 2, 0), frames(0, 1, 0), frames(0, 1)],
    )
    metrics = measured(task, said, outputs)
    # "aa" is one word for two, and "a " one of two; a space that is missing is one token.
    assert metrics["wer"] == pytest.approx((2 + 1) / 8)
    assert metrics["token_errors"] == pytest.approx((1 + 1) / 12)


def test_the_report_shows_texts_and_the_outputs_over_time() -> None:
    task, samples = Transcribe(manifest()), batch([0, 1], [1])
    network = Given(frames(0, 2, 1, 1), frames(0, 2))
    table, curve = task.show({"network": network}, lambda _: (samples, samples)).figures
    assert table.to_dict()["rows"] == ((0.01, "yes no", "yes no", 0), (0.02, "no", "yes", 1))
    assert [line.name for line in curve.series] == ["yes", "no", "(blank)"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "outputs",
    [torch.zeros(1, 3), Ragged.of([torch.zeros(2, 4)]), Ragged.of([torch.zeros(2, 3)] * 2)],
)
def test_a_network_that_returns_something_else_is_named(outputs: Any) -> None:
    class Other(nn.Module):
        def forward(self, x: Ragged) -> Any:  # noqa: ARG002
            return outputs

    expected = r"Other\.forward.*expected Ragged \[frames, 3\]: outputs of the frames of 1 samples"
    with pytest.raises(PartError, match=expected):
        Transcribe(manifest()).predict({"network": Other()}, batch([0]))


def test_data_without_texts_is_refused_with_a_way_out() -> None:
    with pytest.raises(ValueError, match=r"texts y \(tokens\).*y \(class\).*kind: phrases"):
        Transcribe(manifest(y=ClassField(classes=WORDS)))
