"""Regression, against figures worked out by hand."""

import math

import pytest
import torch

from distnet.data.batch import Batch
from distnet.data.fields.class_ import ClassField
from distnet.data.fields.number import NumberField
from distnet.data.fields.vector import VectorField
from distnet.data.manifest import Manifest, Split
from distnet.run_folder.figures import Density, Scatter, Series
from distnet.tasks.per_sample import PerSample
from distnet.tasks.targets.regress import Regress
from distnet.tasks.task import Summary

OUTPUTS = torch.tensor([[1.0, 10.0], [2.0, 10.0], [4.0, 10.0], [4.0, 14.0]])
TARGETS = torch.tensor([[1.0, 10.0], [2.0, 12.0], [3.0, 10.0], [6.0, 16.0]])


def data(
    *names: str,
    shape: tuple[int, ...] = (2,),
    mean: tuple[float, ...] = (),
    std: tuple[float, ...] = (),
) -> Manifest:
    return Manifest(
        name="toy",
        source="made in the test",
        fields={
            "x": VectorField(shape=(2,)),
            "y": NumberField(shape=shape, names=names, mean=mean, std=std),
        },
        splits={"train": Split(num_samples=0, shards=())},
    )


def measured(task: Regress, *parts: tuple[torch.Tensor, torch.Tensor]) -> Summary:
    """What an evaluation comes to whose network gives these outputs, batch by batch."""
    adapter = PerSample(task, data())
    networks = {"network": torch.nn.Identity()}
    found = [adapter.measure(networks, Batch({"x": x, "y": y})) for x, y in parts]
    sums = torch.stack([each.sums for each in found]).sum(0)
    return adapter.summarise(sums, [each.collected for each in found])


def test_figures_are_exact_when_parts_are_added_up():
    task = Regress(data("width", "height"))

    metrics = measured(task, (OUTPUTS[:3], TARGETS[:3]), (OUTPUTS[3:], TARGETS[3:])).metrics

    assert metrics["mae"] == pytest.approx((0 + 0 + 1 + 2 + 0 + 2 + 0 + 2) / 8)
    assert metrics["rmse"] == pytest.approx((13 / 8) ** 0.5)
    assert metrics["loss"] == pytest.approx(13 / 8)
    spreads = (TARGETS - TARGETS.mean(0)).square().sum(0)
    assert metrics["r2"] == pytest.approx(float((1 - torch.tensor([5.0, 8.0]) / spreads).mean()))
    assert metrics == pytest.approx(measured(task, (OUTPUTS, TARGETS)).metrics)
    assert [(metric.name, metric.direction) for metric in task.metrics] == [
        ("mae", "lower"),
        ("rmse", "lower"),
        ("r2", "higher"),
    ]


def test_a_table_has_the_errors_of_each_number():
    task = Regress(data("width", "height"))

    *_, table = measured(task, (OUTPUTS, TARGETS)).figures

    assert table.columns == ("number", "mae", "rmse", "r2")
    assert [row[:2] for row in table.rows] == [("width", 0.75), ("height", 1.0)]


def test_all_samples_are_drawn_predicted_against_actual():
    task = Regress(data("width", "height"))

    width, height, _ = measured(
        task, (OUTPUTS[:3], TARGETS[:3]), (OUTPUTS[3:], TARGETS[3:])
    ).figures

    assert isinstance(width, Scatter)
    assert width.title == "Predicted against actual: width"
    assert width.series == (Series("samples", (1.0, 2.0, 3.0, 6.0), (1.0, 2.0, 4.0, 4.0)),)
    assert isinstance(height, Scatter)
    assert height.series[0].y == (10.0, 10.0, 10.0, 14.0)


def test_many_samples_are_counted_on_a_grid_and_none_is_left_out():
    task = Regress(data("price", shape=(1,)))
    targets = torch.arange(5000.0)[:, None]

    figure, _ = measured(task, (targets, targets)).figures

    assert isinstance(figure, Density)
    assert (figure.title, figure.low, figure.high) == ("Predicted against actual", 0.0, 4999.0)
    assert sum(map(sum, figure.counts)) == 5000
    assert sum(row[i] for i, row in enumerate(figure.counts)) == 5000  # the diagonal


def test_numbers_far_from_zero_are_drawn_in_their_units():
    field = NumberField(shape=(1,), names=("year",), origin=(1e9,), mean=(0.5,), std=(0.5,))
    toy = data("year", shape=(1,))
    task = Regress(toy.model_copy(update={"fields": {**toy.fields, "y": field}}))

    figure, _ = measured(
        task, (torch.tensor([[1.0], [-1.0]]), torch.tensor([[1.0], [0.0]]))
    ).figures

    assert isinstance(figure, Scatter)
    assert figure.series[0] == Series("samples", (1e9 + 1, 1e9), (1e9 + 1, 1e9))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"loss": "mse"}, [0.0, 2.0, 0.5, 4.0]),
        ({"loss": "mae"}, [0.0, 1.0, 0.5, 2.0]),
        ({"loss": "huber"}, [0.0, 0.75, 0.25, 1.5]),
        ({"loss": "huber", "delta": 10.0}, [0.0, 1.0, 0.25, 2.0]),
    ],
)
def test_loss_of_each_sample_is_the_chosen_one(options, expected):
    assert Regress(data(), **options).losses(OUTPUTS, TARGETS).tolist() == pytest.approx(expected)


def test_huber_is_that_of_torch():
    expected = torch.nn.functional.huber_loss(OUTPUTS, TARGETS, reduction="none", delta=1.5).mean(1)

    assert torch.allclose(
        Regress(data(), loss="huber", delta=1.5).losses(OUTPUTS, TARGETS), expected
    )


def test_mean_score_of_samples_is_the_metric_of_its_name():
    task = Regress(data())

    scores = task.scores(OUTPUTS, TARGETS)

    mae = measured(task, (OUTPUTS, TARGETS)).metrics["mae"]
    assert scores["mae"].mean() == pytest.approx(mae)


def test_targets_of_any_shape_meet_flat_outputs():
    task = Regress(data(shape=(1, 2)))

    assert task.num_outputs == 2
    assert torch.equal(task.losses(OUTPUTS, TARGETS[:, None]), task.losses(OUTPUTS, TARGETS))


@pytest.mark.parametrize("constant", [0.0, 3.0, 12345.678])
def test_constant_targets_leave_nothing_to_explain(constant: float):
    task = Regress(data("price", shape=(1,)))
    targets = torch.full((100, 1), constant)

    assert measured(task, (targets + 1, targets)).metrics["r2"] == 0.0
    assert measured(task, (targets, targets)).metrics["r2"] == 1.0  # as in scikit-learn


def test_predictions_that_are_no_numbers_have_no_score():
    task = Regress(data("price", shape=(1,)))
    for targets in (torch.ones(3, 1), torch.arange(3.0)[:, None]):
        metrics = measured(task, (targets * torch.nan, targets)).metrics
        assert all(math.isnan(metrics[name]) for name in ("loss", "mae", "rmse", "r2"))


def test_prediction_gives_numbers_by_their_names():
    said = Regress(data("width", "height")).prediction(torch.tensor([1.5, 2.5]))

    assert said == {"value": [1.5, 2.5], "values": {"width": 1.5, "height": 2.5}}


def test_large_numbers_are_learned_in_deviations_and_reported_in_their_own_units():
    task = Regress(data("rooms", "price", mean=(3.0, 400_000.0), std=(1.0, 100_000.0)))
    outputs = torch.tensor([[0.0, 1.0], [1.0, -1.0]])
    targets = torch.tensor([[4.0, 700_000.0], [4.0, 300_000.0]])

    metrics = measured(task, (outputs, targets)).metrics

    assert task.losses(outputs, targets).tolist() == [(1 + 4) / 2, 0]
    assert metrics["loss"] == (1 + 4) / 2 / 2
    assert task.scores(outputs, targets)["mae"].tolist() == [(1 + 200_000) / 2, 0]
    assert metrics["mae"] == (1 + 200_000) / 4
    assert task.prediction(outputs[1])["values"] == {"rooms": 4.0, "price": 300_000.0}


def test_classes_as_targets_are_refused_with_what_to_do():
    classes = data()
    fields = {**classes.fields, "y": ClassField(classes=("a", "b"))}
    classes = classes.model_copy(update={"fields": fields})

    with pytest.raises(ValueError, match=r"needs numbers.*2 classes; use .*classify"):
        Regress(classes)
