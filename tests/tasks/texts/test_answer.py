"""Answers that are parts of a text: the loss, the likeliest span, and SQuAD's own measures."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics.text import SQuAD

from distnet.data.batch import Batch, Ragged
from distnet.data.fields.class_ import ClassField
from distnet.data.fields.span import SpanField
from distnet.data.fields.text import TextField
from distnet.data.fields.tokens import TokensField
from distnet.data.manifest import Manifest, Split
from distnet.errors import PartError
from distnet.tasks.task import Phase
from distnet.tasks.texts._squad import exact_match, f1, normalised
from distnet.tasks.texts.answer import Answer, best_spans

TEXTS = ("The Beagle sailed in 1831.", "Ann saw Bob Ray.")
TOKENS = TokensField(
    tokenizer="words",
    vocabulary=("<unk>", "the", "beagle", "sailed", "in", "1831", ".", "ann", "saw", "bob", "ray"),
)


class Given(nn.Module):
    """Outputs that are given, whatever the question."""

    def __init__(self, outputs: Any) -> None:
        super().__init__()
        self.outputs = outputs

    def forward(self, context: Ragged, question: Ragged) -> Any:
        assert len(context) == len(question)
        if not isinstance(self.outputs, Tensor):
            return self.outputs
        return Ragged(self.outputs[: len(context.values)], context.lengths)


def manifest(**fields: Any) -> Manifest:
    every = {
        "context": TOKENS,
        "question": TOKENS,
        "span": SpanField(of="context"),
        "text": TextField(),
        "answers": TextField(),
    }
    return Manifest.model_construct(
        name="ships", fields=every | fields, splits={"train": Split(num_samples=0, shards=())}
    )


def ragged(field: TokensField | TextField, texts: tuple[str, ...]) -> Ragged:
    if isinstance(field, TokensField):
        return Ragged.of([torch.from_numpy(field.encode(text)).long() for text in texts])
    column = field.encode(texts)
    return Ragged(torch.tensor(column.values), torch.from_numpy(column.lengths))


def batch(*answers: str, spans: list[list[int]]) -> Batch:
    num = len(answers)
    return Batch(
        {
            "context": ragged(TOKENS, TEXTS[:num]),
            "question": ragged(TOKENS, ("when ?", "who ?")[:num]),
            "span": torch.tensor(spans),
            "text": ragged(TextField(), TEXTS[:num]),
            "answers": ragged(TextField(), answers),
        }
    )


def certain(*spans: tuple[int, int]) -> Tensor:
    """Outputs [6 + 5, 2] that are all but certain of these spans."""
    outputs, begin = torch.zeros(11, 2), 0
    for (first, last), length in zip(spans, (6, 5), strict=True):
        outputs[begin + first, 0] = outputs[begin + last, 1] = 20.0
        begin += length
    return outputs


@pytest.mark.parametrize(
    ("found", "answers"),
    [
        ("the Beagle", ("Beagle",)),
        ("A  beagle!", ("The Beagle", "HMS Beagle")),
        ("in 1831", ("1831",)),
        ("Bob Ray", ("Ann", "Ray Bob Ray")),
        ("Ray", ("Ann",)),
        ("theatre an anthem", ("theatre anthem",)),
        ("U.S.", ("us", "the US of A")),
        ("caf\u00e9 \u2014 bar", ("caf\u00e9 bar",)),
        ("a b a b", ("b b b",)),
    ],
)
def test_measures_are_those_of_torchmetrics(found: str, answers: tuple[str, ...]) -> None:
    right = {"answer_start": [0] * len(answers), "text": list(answers)}
    expected = SQuAD()([{"prediction_text": found, "id": "1"}], [{"answers": right, "id": "1"}])

    assert 100 * f1(found, answers) == pytest.approx(float(expected["f1"]), abs=1e-4)
    assert 100 * exact_match(found, answers) == float(expected["exact_match"])


def test_measures_by_hand() -> None:
    assert normalised("The  Beagle's an U.S. ship, (1831)") == "beagles us ship 1831"
    # Two of three words found are among the two of the answer: 2 * (2/3) * 1 / (2/3 + 1).
    assert f1("HMS Beagle sailed", ["the Beagle sailed"]) == pytest.approx(0.8)
    assert f1("b b", ["b c"]) == 0.5  # a word counts as often as both have it
    assert f1("the", ["a"]) == 0.0
    assert exact_match("the", ["a"]) == 1.0


def test_the_likeliest_span_is_that_of_all_pairs() -> None:
    torch.manual_seed(0)
    first, last = torch.randn(5, 9).log_softmax(1), torch.randn(5, 9).log_softmax(1)
    first[0, 4:] = last[0, 4:] = -torch.inf  # a context of four tokens

    for longest in (1, 3, 50):
        begin, end, score = best_spans(first, last, longest)

        for n in range(5):
            pairs = {
                (i, j): float(first[n, i] + last[n, j])
                for i in range(9)
                for j in range(i, min(9, i + longest))
            }
            best = max(pairs, key=pairs.__getitem__)
            assert (int(begin[n]), int(end[n])) == best
            assert float(score[n].log()) == pytest.approx(pairs[best], rel=1e-5)


def test_the_loss_is_the_mean_of_both_ends_over_the_tokens_of_each_text() -> None:
    torch.manual_seed(0)
    outputs = torch.randn(11, 2, requires_grad=True)
    task, data = Answer(manifest()), batch("1831", "Bob Ray", spans=[[4, 4], [2, 3]])

    loss = task.loss({"network": Given(outputs)}, data, Phase())

    parts = (outputs[:6], outputs[6:])
    expected = [
        (F.cross_entropy(part[:, 0], a) + F.cross_entropy(part[:, 1], b)) / 2
        for part, (a, b) in zip(parts, data.tensor("span"), strict=True)
    ]
    torch.testing.assert_close(loss.values, torch.stack(expected))
    (gradient,) = torch.autograd.grad(loss.values.sum(), outputs)
    assert gradient.isfinite().all()


def test_answers_are_read_as_they_were_written_and_measures_add_up() -> None:
    task = Answer(manifest())
    network = {"network": Given(certain((3, 4), (2, 3)))}
    whole = batch("1831", "Ann\nBob Ray", spans=[[4, 4], [0, 0]])

    predictions = task.predict(network, whole)
    sums = [task.measure(network, part).sums for part in (whole, whole.slice(0, 1))]
    summary = task.summarise(sums[0] + sums[1], [])

    assert [one["answer"] for one in predictions] == ["in 1831", "Bob Ray"]
    assert all(one["probability"] > 0.99 for one in predictions)
    assert summary.metrics["f1"] == pytest.approx((2 / 3 + 1 + 2 / 3) / 3)
    assert summary.metrics["exact_match"] == pytest.approx(1 / 3)
    assert summary.metrics["loss"] == pytest.approx((10 + 20 + 10) / 3, rel=1e-3)


def test_a_report_shows_questions_with_both_answers() -> None:
    task = Answer(manifest())
    data = batch("1831", "Bob Ray", spans=[[4, 4], [2, 3]])

    (table,) = task.show(
        {"network": Given(certain((3, 4), (2, 3)))}, lambda _: (data, data)
    ).figures

    assert table.rows == (
        ("<unk> <unk>", "1831", "in 1831", pytest.approx(2 / 3)),
        ("<unk> <unk>", "Bob Ray", "Bob Ray", 1.0),
    )


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"task answer needs a context.*context \(class\)"):
        Answer(manifest(context=ClassField(classes=("a", "b"))))
    data = batch("1831", spans=[[4, 4]])
    with pytest.raises(PartError, match=r"expected Ragged \[6, 2\]"):
        Answer(manifest()).loss({"network": Given(5)}, data, Phase())
