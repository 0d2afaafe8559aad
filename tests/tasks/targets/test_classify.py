"""Classification, against figures worked out by hand or by torch."""

import pytest
import torch
from torch.nn import functional as F

from distnet.data.batch import Batch
from distnet.data.fields.class_ import ClassField
from distnet.data.fields.number import NumberField
from distnet.data.fields.vector import VectorField
from distnet.data.manifest import Manifest, Split
from distnet.run_folder.figures import Table
from distnet.spec.metric import Metric
from distnet.spec.parts import kinds, load_part
from distnet.spec.sections.section import Part
from distnet.tasks.per_sample import PerSample
from distnet.tasks.targets import classify
from distnet.tasks.targets.classify import Classify
from distnet.tasks.task import Summary


def data(*classes: str, counts: tuple[int, ...] = ()) -> Manifest:
    return Manifest(
        name="toy",
        source="made in the test",
        fields={
            "x": VectorField(shape=(2,)),
            "y": ClassField(classes=classes, class_counts={"train": counts} if counts else {}),
        },
        splits={"train": Split(num_samples=0, shards=())},
    )


def likely(*classes: int, num: int = 3) -> torch.Tensor:
    """Outputs that favour these classes, the next ones a little."""
    outputs = torch.zeros(len(classes), num)
    for row, index in enumerate(classes):
        outputs[row, index] = 3.0
        outputs[row, (index + 1) % num] = 1.0
    return outputs


def measured(task: Classify, *parts: tuple[torch.Tensor, torch.Tensor]) -> Summary:
    """What an evaluation comes to whose network gives these outputs, batch by batch."""
    adapter = PerSample(task, data("a", "b", "c"))
    networks = {"network": torch.nn.Identity()}
    found = [adapter.measure(networks, Batch({"x": x, "y": y})) for x, y in parts]
    assert all(each.sums.dtype == torch.float64 for each in found)
    return adapter.summarise(torch.stack([each.sums for each in found]).sum(0), [])


OUTPUTS, TARGETS = likely(0, 0, 1, 2, 2, 2), torch.tensor([0, 0, 0, 1, 2, 2])


def test_kinds_are_those_that_the_readme_lists(tmp_path):
    assert kinds("tasks") == [
        "answer",
        "classify",
        "deep-q",
        "detect",
        "diffusion",
        "gan",
        "language-model",
        "regress",
        "segment",
        "transcribe",
        "translate",
    ]
    cls, options = load_part("tasks", Part(kind="classify", top_k=2), folder=tmp_path)
    assert cls(data("a", "b", "c"), **options).num_outputs == 3


def test_figures_are_exact_when_parts_are_added_up():
    task = Classify(data("a", "b", "c"), top_k=2)

    metrics = measured(task, (OUTPUTS[:1], TARGETS[:1]), (OUTPUTS[1:], TARGETS[1:])).metrics

    assert metrics["accuracy"] == pytest.approx(4 / 6)
    assert metrics["loss"] == pytest.approx(float(F.cross_entropy(OUTPUTS, TARGETS)))
    # Sample 3 is an a put into b, then c; sample 4 a b put into c, then a: both are far.
    assert metrics["top2"] == pytest.approx(4 / 6)
    f1 = (2 * 2 / (3 + 2), 0.0, 2 * 2 / (2 + 3))
    assert metrics["macro_f1"] == pytest.approx(sum(f1) / 3)
    assert metrics == pytest.approx(measured(task, (OUTPUTS, TARGETS)).metrics)
    assert list(metrics) == ["loss", *(metric.name for metric in task.metrics)]
    assert task.metrics[0] == Metric("accuracy", "percent", "higher")


def test_figures_show_actual_in_rows_and_predicted_in_columns():
    task = Classify(data("a", "b", "c"))

    confusion, dots, table = measured(task, (OUTPUTS, TARGETS)).figures

    assert (confusion.classes, confusion.counts) == (
        ("a", "b", "c"),
        ((2, 1, 0), (0, 0, 1), (0, 0, 2)),
    )
    assert dots.rows == ("b", "a", "c")  # the weakest class first
    assert [dots.series["recall"][dots.rows.index(name)] for name in "abc"] == list(
        table_column(table, "recall")
    )
    assert table_row(table, "c") == {
        "class": "c",
        "precision": pytest.approx(2 / 3),
        "recall": 1.0,
        "f1": pytest.approx(0.8),
        "samples": 2,
    }
    assert table_row(table, "b")["precision"] == 0.0


def table_row(table: Table, name: str) -> dict[str, object]:
    (row,) = (row for row in table.rows if row[0] == name)
    return dict(zip(table.columns, row, strict=True))


def table_column(table: Table, name: str) -> tuple[object, ...]:
    return tuple(row[table.columns.index(name)] for row in table.rows)


def test_mean_score_of_samples_is_the_metric_of_its_name():
    task = Classify(data("a", "b", "c"))

    scores = task.scores(OUTPUTS, TARGETS)

    accuracy = measured(task, (OUTPUTS, TARGETS)).metrics["accuracy"]
    assert scores["accuracy"].mean() == pytest.approx(accuracy)


def test_classes_of_any_whole_number_type_are_taken():
    task = Classify(data("a", "b", "c"))

    assert torch.equal(task.sums(OUTPUTS, TARGETS.int()), task.sums(OUTPUTS, TARGETS))


def test_top_k_is_left_out_when_there_are_not_more_classes():
    task = Classify(data("a", "b", "c"))

    metrics = measured(task, (OUTPUTS, TARGETS)).metrics
    assert not [name for name in metrics if name.startswith("top")]


def test_class_without_samples_does_not_lower_the_mean_f1():
    task = Classify(data("a", "b", "c"))

    assert measured(task, (likely(0, 1), torch.tensor([0, 1]))).metrics["macro_f1"] == 1.0


def test_a_class_that_is_only_predicted_counts_in_the_mean_f1_as_in_scikit_learn():
    task = Classify(data("a", "b", "c"))

    found = measured(task, (likely(0, 0, 1, 2), torch.tensor([0, 0, 1, 1])))
    # f1 of a: 1; of b: 2 / (2 + 1); of c, which nobody is: 0.
    assert found.metrics["macro_f1"] == pytest.approx((1 + 2 / 3 + 0) / 3)


def test_label_smoothing_is_that_of_torch():
    task = Classify(data("a", "b", "c"), label_smoothing=0.1)
    expected = F.cross_entropy(OUTPUTS, TARGETS, reduction="none", label_smoothing=0.1)

    assert torch.equal(task.losses(OUTPUTS, TARGETS), expected)


def test_balanced_losses_weigh_classes_alike():
    task = Classify(data("a", "b", counts=(30, 10)), balanced=True)
    losses = task.losses(torch.zeros(2, 2), torch.tensor([0, 1]))

    assert losses[1] / losses[0] == pytest.approx(3)
    assert (30 * losses[0] + 10 * losses[1]) / 40 == pytest.approx(
        float(torch.log(torch.tensor(2)))
    )


def test_balanced_is_refused_when_a_class_has_no_sample():
    with pytest.raises(ValueError, match=r"balanced needs samples of every class.*'b': 0"):
        Classify(data("a", "b", counts=(30, 0)), balanced=True)


def test_prediction_names_the_class_and_the_three_likeliest():
    said = Classify(data(*"abcde")).prediction(torch.tensor([0.0, 4.0, 1.0, 2.0, -1.0]))

    assert said["class"] == "b"
    assert [one["class"] for one in said["top"]] == ["b", "d", "c"]
    assert said["probability"] == said["top"][0]["probability"] == pytest.approx(0.8259, abs=1e-3)


def test_numbers_as_targets_are_refused_with_what_to_do():
    fields = {"x": VectorField(shape=(2,)), "y": NumberField(shape=(1,), names=("price",))}
    numbers = data("a", "b").model_copy(update={"fields": fields})
    with pytest.raises(ValueError, match=r"classes.*'toy' are numbers \(price\); use .*regress"):
        Classify(numbers)


def test_single_class_is_refused():
    with pytest.raises(ValueError, match="two or more classes.*single class a"):
        Classify(data("a"))


def many(num_classes: int, num_samples: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Outputs that are right more often than not, and their targets."""
    generator = torch.Generator().manual_seed(0)
    targets = torch.randint(num_classes, (num_samples,), generator=generator)
    outputs = torch.randn(num_samples, num_classes, generator=generator)
    outputs[torch.arange(num_samples), targets] += 3
    return outputs, targets


def test_the_cells_in_use_give_the_numbers_of_the_whole_matrix(monkeypatch):
    names = tuple(f"class {i}" for i in range(40))
    outputs, targets = many(len(names), 500)
    parts = [(outputs[low : low + 120], targets[low : low + 120]) for low in range(0, 500, 120)]
    dense = summary_of(Classify(data(*names)), parts)
    monkeypatch.setattr(classify, "MOST_DENSE", 39)

    sparse = summary_of(Classify(data(*names)), parts)

    assert sparse.metrics == dense.metrics
    assert sparse.figures[2:] == dense.figures[1:]  # the scores of each class
    dots, pairs = sparse.figures[:2]
    matrix = dense.figures[0].counts
    wrong = {
        (a, b, count)
        for a, row in zip(names, matrix, strict=True)
        for b, count in zip(names, row, strict=True)
        if a != b and count
    }
    assert {row[:3] for row in pairs.rows} <= wrong
    counts = [row[2] for row in pairs.rows]
    assert counts == sorted((count for _, _, count in wrong), reverse=True)[: len(counts)]
    assert len(counts) == min(100, len(wrong))
    assert pairs.rows[0][3] == counts[0] / sum(matrix[names.index(pairs.rows[0][0])])
    assert dots.rows[0] == "{} as {}".format(*pairs.rows[0])
    assert dots.series["samples"] == tuple(map(float, counts))


def test_many_classes_take_memory_for_their_samples_only():
    names = tuple(map(str, range(3000)))
    task = Classify(data(*names))
    outputs, targets = many(len(names), 50)

    assert task.sums(outputs, targets).shape == (1,)
    assert len(task.collect(outputs, targets)) == 8 * 50
    summary = summary_of(task, [(outputs, targets)])
    assert not [figure for figure in summary.figures if figure.kind == "confusion"]
    assert summary.metrics["accuracy"] == int((outputs.argmax(1) == targets).sum()) / 50


def test_many_classes_without_a_mistake_have_no_confused_pairs(monkeypatch):
    monkeypatch.setattr(classify, "MOST_DENSE", 2)
    task = Classify(data("a", "b", "c"))

    found = summary_of(task, [(likely(0, 1, 2), torch.tensor([0, 1, 2]))])

    assert [figure.title for figure in found.figures] == ["Scores of each class"] * 2


def summary_of(task: Classify, parts: list[tuple[torch.Tensor, torch.Tensor]]) -> Summary:
    """What an evaluation comes to, with all that it collects."""
    adapter = PerSample(task, data(*task.classes))
    networks = {"network": torch.nn.Identity()}
    found = [adapter.measure(networks, Batch({"x": x, "y": y})) for x, y in parts]
    return adapter.summarise(sum(each.sums for each in found), [each.collected for each in found])


def test_class_weights_multiply_the_losses_of_their_classes():
    given = {"b": 4.0}
    plain, weighed = (
        Classify(data("a", "b", "c")),
        Classify(data("a", "b", "c"), class_weights=given),
    )

    ratio = weighed.losses(OUTPUTS, TARGETS) / plain.losses(OUTPUTS, TARGETS)
    assert torch.allclose(ratio, torch.where(TARGETS == 1, 4.0, 1.0))


def test_class_weights_are_refused_where_they_do_not_fit():
    with pytest.raises(ValueError, match="class_weights: found unknown class `d`"):
        Classify(data("a", "b"), class_weights={"d": 2.0})
    with pytest.raises(ValueError, match="found balanced beside class_weights, expected one"):
        Classify(data("a", "b", counts=(3, 1)), balanced=True, class_weights={"a": 2.0})
