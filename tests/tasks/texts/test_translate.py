"""Translate: the loss by its definition, texts that are written, and BLEU as sacrebleu has it."""

from typing import Any

import pytest
import sacrebleu
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from distnet.data.batch import Batch, Ragged
from distnet.data.fields.class_ import ClassField
from distnet.data.fields.tokens import TokensField
from distnet.data.manifest import Manifest, Split
from distnet.errors import PartError
from distnet.tasks.task import Phase
from distnet.tasks.texts.translate import Translate
from distnet.train.compute.slice_gradient import weigh

WORDS = ("<unk>", "one", "two", "three", "dogs", "run", ".")
END = len(WORDS)
PHASE = Phase(metrics=("token_accuracy",))


class Scripted(nn.Module):
    """Writes the text with the number that the source begins with; any text after its end."""

    def __init__(self, *texts: list[int], ends: bool = True) -> None:
        super().__init__()
        self.texts, self.certainty = texts, nn.Parameter(torch.tensor(9.0))
        self._ends = ends

    def forward(self, x: Ragged, y: Ragged) -> Tensor:
        return self.decode(y, self.encode(x))

    def encode(self, x: Ragged) -> Ragged:
        return Ragged(x.values[:, None].float(), x.lengths)

    def decode(self, y: Ragged, memory: Ragged, *, last: bool = False) -> Tensor:
        scripts = [self.texts[int(source[0, 0])] for source in memory.split()]
        starts = [len(text) - 1 if last else 0 for text in y.split()]
        tokens = [
            text[i] if i < len(text) else (END if self._ends else 1)
            for text, start, length in zip(scripts, starts, y.lengths.tolist(), strict=True)
            for i in range(start, length)
        ]
        # The unknown token is the likeliest of all, and is never written.
        return self.certainty * (F.one_hot(torch.tensor(tokens), END + 1) + 2 * torch.eye(8)[0])


def manifest(**fields: Any) -> Manifest:
    x = TokensField(tokenizer="words", vocabulary=("0", "1", "2", "3"))
    y = TokensField(tokenizer="words", vocabulary=WORDS)
    return Manifest.model_construct(
        name="pairs",
        fields={"x": x, "y": y} | fields,
        splits={"train": Split(num_samples=0, shards=())},
    )


def batch(*targets: list[int], lengths: tuple[int, ...] = ()) -> Batch:
    """Sources 0, 1, ... with these targets."""
    sources = [torch.tensor([i] * n) for i, n in enumerate(lengths or (1,) * len(targets))]
    return Batch({"x": Ragged.of(sources), "y": Ragged.of(list(map(torch.tensor, targets)))})


class Given(nn.Module):
    """Logits that are given, for each token after the end and the targets."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = nn.Parameter(logits)

    def forward(self, x: Ragged, y: Ragged) -> Tensor:
        assert y.values.tolist() == [END, 1, 2, END, 3]
        assert y.lengths.tolist() == [3, 2]
        return self.logits


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_is_that_of_each_token_and_of_the_ends(smoothing: float) -> None:
    torch.manual_seed(0)
    logits, targets = torch.randn(5, END + 1), [1, 2, END, 3, END]
    task = Translate(manifest(), label_smoothing=smoothing)

    loss = task.loss({"network": Given(logits)}, batch([1, 2], [3]), PHASE)
    value, sums = weigh(loss, PHASE, 2)

    log = logits.log_softmax(1)
    true = torch.full((5, END + 1), smoothing / (END + 1))
    true[range(5), targets] += 1 - smoothing
    torch.testing.assert_close(value, -(true * log).sum())
    right = (logits.argmax(1) == torch.tensor(targets)).sum()
    # Tokens weigh alike, not texts: the sum is divided by five.
    assert sums.tolist() == [pytest.approx(value.item()), 5, right, 5]


def test_texts_are_written_until_they_end() -> None:
    network, task = Scripted([1, 4], [2, 4, 5, 6], []).eval(), Translate(manifest())

    found = task.predict({"network": network}, Batch({"x": batch([1], [1], [1])["x"]}))

    assert [one["translation"] for one in found] == ["one dogs", "two dogs run .", ""]


def test_a_text_without_an_end_stops() -> None:
    network, task = Scripted([4], [4], ends=False).eval(), Translate(manifest())

    found = task.predict({"network": network}, batch([1], [1], lengths=(3, 1)))

    assert [one["translation"].split() for one in found] == [
        ["dogs", *["one"] * 52],
        ["dogs", *["one"] * 50],
    ]


@torch.no_grad()
def test_batches_are_added_up_to_the_bleu_of_all() -> None:
    written = ([1, 4, 5, 6], [2, 4, 5], [3, 3, 4, 5, 6], [])
    references = [[1, 4, 5, 6], [2, 4, 5, 6], [3, 4, 5, 6, 6], [1]]
    networks, task = {"network": Scripted(*written).eval()}, Translate(manifest())
    whole = batch(*references)

    parts = [task.measure(networks, whole.slice(low, high)) for low, high in ((0, 3), (3, 4))]
    summary = task.summarise(parts[0].sums + parts[1].sums, ())

    texts, expected = (
        [" ".join(WORDS[t] for t in text) for text in many] for many in (written, references)
    )
    bleu = sacrebleu.BLEU()
    assert summary.metrics["bleu"] == pytest.approx(bleu.corpus_score(texts, [expected]).score)
    assert 40 < summary.metrics["bleu"] < 90
    (table,) = summary.figures
    assert str(bleu.get_signature()) in table.title
    assert "tok:13a" in table.title
    all_at_once = task.measure(networks, whole)
    torch.testing.assert_close(all_at_once.sums, parts[0].sums + parts[1].sums)
    assert summary.metrics["loss"] > 0


@torch.no_grad()
def test_perplexity_is_without_smoothing_and_values_are_means_of_texts() -> None:
    torch.manual_seed(0)
    logits = torch.randn(5, END + 1)

    class Both(Given):
        encode, decode = Scripted.encode, Scripted.decode
        texts, certainty, _ends = ([], []), torch.tensor(9.0), True

    measured = Translate(manifest()).measure({"network": Both(logits)}, batch([1, 2], [3]))
    summary = Translate(manifest()).summarise(measured.sums, ())

    losses = F.cross_entropy(logits, torch.tensor([1, 2, END, 3, END]), reduction="none")
    assert summary.metrics["perplexity"] == pytest.approx(losses.mean().exp().item())
    expected = torch.stack([losses[:3].mean(), losses[3:].mean()])
    torch.testing.assert_close(measured.values.float(), expected)


def test_the_report_shows_sources_references_and_translations() -> None:
    task, samples = Translate(manifest()), batch([1, 4], [2, 5])
    networks = {"network": Scripted([1, 4], [3]).eval()}

    (table,) = task.show(networks, lambda _: (samples, samples)).figures

    assert table.to_dict()["rows"] == (("0", "one dogs", "one dogs"), ("1", "two run", "three"))


class Other(nn.Module):
    """Returns something else than logits."""

    encode = Scripted.encode

    def forward(self, x: Ragged, y: Ragged) -> Tensor:  # noqa: ARG002
        return torch.zeros(3)

    def decode(self, y: Ragged, memory: Ragged, *, last: bool) -> Tensor:  # noqa: ARG002
        return torch.zeros(1, 3)


def test_a_network_that_returns_something_else_is_named() -> None:
    task, networks = Translate(manifest()), {"network": Other()}

    with pytest.raises(PartError, match=r"Other\.forward.*expected a tensor \[3, 8\], logits of"):
        task.loss(networks, batch([1, 2]), PHASE)
    with pytest.raises(PartError, match=r"Other\.decode.*expected a tensor \[1, 8\], logits of"):
        task.predict(networks, batch([1, 2]))


def test_data_without_pairs_is_refused_with_a_way_out() -> None:
    with pytest.raises(ValueError, match=r"y \(class\); import pairs .* --source-lang de"):
        Translate(manifest(y=ClassField(classes=WORDS)))
