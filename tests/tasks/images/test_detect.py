"""Detection, against figures worked out by hand."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn
from torchvision.ops import generalized_box_iou_loss, sigmoid_focal_loss

from distnet.data.batch import Batch, Ragged
from distnet.data.fields.boxes import BoxesField
from distnet.data.fields.class_ import ClassField
from distnet.data.fields.field import Field
from distnet.data.fields.image import ImageField
from distnet.data.manifest import Manifest, Split
from distnet.errors import PartError
from distnet.networks.images.detector import Detector
from distnet.run_folder.figures import Curve, Table
from distnet.tasks.images._detections import from_bytes, to_bytes
from distnet.tasks.images.detect import Detect
from distnet.tasks.task import ONE_PHASE, Summary

SIZE = 32
CELL = 8
(PHASE,) = ONE_PHASE
SUMS = torch.tensor([6.0, 4.0])


def data(**fields: Field) -> Manifest:
    of_objects: dict[str, Field] = {
        "x": ImageField(shape=(1, SIZE, SIZE)),
        "boxes": BoxesField(classes=("cat", "dog")),
    }
    splits = {"train": Split(num_samples=0, shards=())}
    return Manifest(name="toy", source="made", fields=fields or of_objects, splits=splits)


def boxes(*of_images: Sequence[Sequence[float]]) -> Ragged:
    return Ragged.of([torch.tensor(each).reshape(-1, 5).float() for each in of_images])


class Given(nn.Module):
    """A network whose output is given: one map of cells of 8 pixels."""

    def __init__(self, num_images: int = 1) -> None:
        super().__init__()
        self.output = torch.full((num_images, 7, SIZE // CELL, SIZE // CELL), -9.0)

    def put(
        self,
        row: int,
        column: int,
        label: int,
        box: Sequence[float],
        *,
        score: float,
        image: int = 0,
    ) -> None:
        """Let a cell find a box, of a class of this score, and of the best quality."""
        x, y = (column + 0.5) * CELL, (row + 0.5) * CELL
        left, top, right, bottom = box
        distances = torch.tensor([x - left, y - top, right - x, bottom - y]) / CELL
        cell = self.output[image, :, row, column]
        cell[label] = torch.tensor(score**2).logit()
        cell[2:6], cell[6] = distances.log(), 50.0

    def forward(self, x: Tensor) -> list[Tensor]:
        return [self.output[: len(x)]]


def scene(truth: Ragged) -> Batch:
    return Batch({"x": torch.zeros(len(truth), 1, SIZE, SIZE), "boxes": truth})


FOUND = [
    torch.tensor([[0, 0, 10, 10, 0.9, 0], [20, 20, 30, 30, 0.8, 0]]),
    torch.tensor([[0, 0, 10, 7.2, 0.7, 0]]),
]
"""One box that is right, one that is wrong, one that overlaps by 72 %."""
TRUE = [
    torch.tensor([[0.0, 0, 10, 10, 0], [0, 20, 8, 30, 0]]),
    torch.tensor([[0.0, 0, 10, 10, 0]]),
]


def summarise(*parts: bytes) -> Summary:
    return Detect(data()).summarise(SUMS, parts)


def test_average_precision_is_that_of_coco() -> None:
    """By hand: recall up to 1/3 has precision 1, up to 2/3 it is 2/3, and beyond 0.

    So the mean over 101 values of recall is (34 + 33 * 2 / 3) / 101. At overlaps above 70 % the
    third box is wrong, and 34 / 101 is left.
    """
    metrics = summarise(to_bytes(FOUND, TRUE)).metrics

    at_50, above = (34 + 33 * 2 / 3) / 101, 34 / 101
    assert metrics["map50"] == pytest.approx(at_50)
    assert metrics["map"] == pytest.approx((5 * at_50 + 5 * above) / 10)
    assert metrics["loss"] == 1.5


def test_classes_count_alike_and_have_a_row_each() -> None:
    dog_found = torch.tensor([[5, 5, 9, 9, 0.6, 1]])
    dog = torch.tensor([[5.0, 5, 9, 9, 1]])
    summary = summarise(to_bytes([*FOUND, dog_found], [*TRUE, dog]))

    table, curve = summary.figures
    assert isinstance(table, Table)
    assert isinstance(curve, Curve)
    cats = (34 + 33 * 2 / 3) / 101
    assert summary.metrics["map50"] == pytest.approx((cats + 1) / 2)
    assert [row[:2] for row in table.rows] == [("cat", 3), ("dog", 1)]
    assert [row[2] for row in table.rows] == pytest.approx([cats, 1])
    assert [series.name for series in curve.series] == ["cat", "dog"]


def test_the_parts_of_an_evaluation_count_as_the_whole() -> None:
    parts = [to_bytes([found], [true]) for found, true in zip(FOUND, TRUE, strict=True)]

    assert summarise(*parts) == summarise(to_bytes(FOUND, TRUE))


@pytest.mark.parametrize("num_true", [0, 1])
def test_nothing_found_has_precision_0(num_true: int) -> None:
    summary = summarise(to_bytes([torch.zeros(0, 6)], [torch.ones(num_true, 5)]))

    assert (summary.metrics["map50"], summary.metrics["map"]) == (0, 0)


def test_of_boxes_that_overlap_the_best_is_predicted_and_the_best_of_each_class_measured() -> None:
    network = Given()
    network.put(0, 0, 0, (0, 0, 12, 12), score=0.9)
    network.put(0, 1, 0, (1, 0, 13, 12), score=0.8)  # 11 / 13 of it is that of the first
    network.put(1, 0, 1, (1, 0, 13, 12), score=0.7)  # of another class
    network.put(3, 3, 0, (24, 24, 40, 40), score=0.6)  # partly outside of the image
    network.put(2, 2, 0, (17, 17, 22, 22), score=0.3)  # below show_score
    networks, batch = {"network": network}, scene(boxes([]))

    [predicted] = Detect(data()).predict(networks, batch)
    [(measured, _)] = from_bytes([Detect(data()).measure(networks, batch).collected])

    rows = [list(one.values()) for one in predicted["boxes"]]
    assert list(predicted["boxes"][0]) == ["class", "score", "left", "top", "right", "bottom"]
    assert [row[0] for row in rows] == ["cat", "cat"]
    assert rows[0][1:] == pytest.approx([0.9, 0, 0, 12, 12], abs=1e-3)
    assert rows[1][1:] == pytest.approx([0.6, 24, 24, 32, 32], abs=1e-3)
    assert measured[:, 4] == pytest.approx([0.9, 0.7, 0.6, 0.3], abs=1e-3)
    assert measured[:, 5].tolist() == [0, 1, 0, 0]


def test_loss_is_that_of_the_papers_over_the_cells_that_learn() -> None:
    """The box of 10 pixels around (12, 12) is learned by cell (1, 1), whose centre is there.

    Its neighbours' centres are 8 pixels away, and outside of the box.
    """
    network = Given()
    network.put(1, 1, 1, (6, 7, 17, 18), score=0.8)
    truth = boxes([[7, 7, 17, 17, 1]])
    loss = Detect(data()).loss({"network": network}, scene(truth), PHASE)

    target = torch.zeros(1, 2, 4, 4)
    target[0, 1, 1, 1] = 1
    of_class = sigmoid_focal_loss(network.output[:, :2], target).sum()
    found, true = torch.tensor([[6.0, 7, 17, 18]]), truth.values[:, :4]
    of_box = generalized_box_iou_loss(found, true).sum()
    overlap = torch.tensor(100 / (121 + 100 - 100))
    logit = torch.tensor(50.0)
    of_quality = nn.functional.binary_cross_entropy_with_logits(logit, overlap)
    assert loss.weights is not None
    assert loss.weights.tolist() == [1]
    assert loss.values.item() == pytest.approx(
        (of_class + 2 * of_box + of_quality).item(), rel=1e-5
    )


def with_difficult(truth: Ragged, *marks: int) -> Ragged:
    column = torch.tensor(marks)[:, None].float()
    return Ragged(torch.cat([truth.values, column], 1), truth.lengths)


def test_cells_at_difficult_objects_learn_nothing() -> None:
    """One object of two is difficult: what is found there has no loss, whatever it is."""
    network = Given()
    network.put(1, 1, 1, (6, 7, 17, 18), score=0.8)
    network.put(3, 3, 0, (23, 24, 32, 31), score=0.6)
    easy, hard = [7, 7, 17, 17, 1], [24, 24, 31, 31, 0]
    both = with_difficult(boxes([easy, hard]), 0, 1)
    task, networks = Detect(data()), {"network": network}
    network.output.requires_grad_()

    loss = task.loss(networks, scene(both), PHASE)
    loss.values.sum().backward()
    gradient = network.output.grad
    network.output.requires_grad_(False)

    assert loss.weights is not None
    assert loss.weights.tolist() == [1]
    assert gradient is not None
    assert (gradient[0, :, 3, 3] == 0).all()
    assert (gradient[0, :, 1, 1] != 0).any()
    none = with_difficult(boxes([easy]), 0)
    plain = task.loss(networks, scene(boxes([easy])), PHASE).values
    assert torch.equal(task.loss(networks, scene(none), PHASE).values, plain)
    [(_, true)] = from_bytes([task.measure(networks, scene(both)).collected])
    assert true.tolist() == both.values.tolist()


def test_the_smaller_of_two_boxes_is_learned_and_large_ones_by_coarse_cells() -> None:
    task = Detect(data())
    fine, coarse = torch.zeros(1, 7, 16, 16), torch.zeros(1, 7, 8, 8)
    levels = nn.Module()
    levels.forward = lambda x: [fine, coarse]  # type: ignore[method-assign]
    truth = boxes([[0, 0, 18, 18, 0], [4, 4, 15, 15, 1], [-1, -1, 32, 32, 0]])

    cells = task._cells({"network": levels}, scene(truth))
    learned, is_learned = cells.learned(truth)

    assert cells.sides.unique().tolist() == [2, 4]
    labels = {
        side: learned[0, is_learned[0] & (cells.sides == side)][:, 2].unique().tolist()
        for side in (2, 4)
    }
    assert labels == {2: [15.0], 4: [18.0, 32.0]}


def test_loss_of_slices_adds_up_to_that_of_the_batch() -> None:
    torch.manual_seed(0)
    network = Detector((1, SIZE, SIZE), 7, channels=(4, 8, 8), width=8, depth=1)
    truth = boxes(
        [[7, 7, 17, 17, 1]], [], [[0, 0, 30, 30, 0], [20, 20, 28, 31, 1]], [[1, 1, 9, 9, 0]]
    )
    batch = Batch({"x": torch.randn(4, 1, SIZE, SIZE), "boxes": truth})

    def summed(low: int, high: int) -> tuple[Tensor, Tensor]:
        network.zero_grad()
        loss = Detect(data()).loss({"network": network}, batch.slice(low, high), PHASE)
        assert loss.weights is not None
        value = (loss.values * loss.weights).sum()
        value.backward()
        gradient = torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None])
        return torch.stack([value.detach(), loss.weights.sum()]), gradient

    whole, gradient = summed(0, 4)
    parts, gradients = zip(*(summed(*bounds) for bounds in ((0, 1), (1, 2), (2, 4))), strict=True)

    assert whole[1] > 4
    torch.testing.assert_close(torch.stack(parts).sum(0), whole)
    torch.testing.assert_close(torch.stack(gradients).sum(0), gradient)


def test_networks_and_data_that_do_not_fit_are_named() -> None:
    with pytest.raises(PartError, match=r"list of maps \[n, 7, h, w\].* returned one tensor"):
        Detect(data()).loss({"network": nn.Identity()}, scene(boxes([])), PHASE)
    x = ImageField(shape=(1, SIZE, SIZE))
    with pytest.raises(ValueError, match=r"'toy' has x \(image\), y \(class\)"):
        Detect(data(x=x, y=ClassField(classes=("a", "b"))))
    with pytest.raises(ValueError, match="differ; import them again with a size for all"):
        Detect(data(x=ImageField(shape=(1,)), boxes=BoxesField(classes=("a",))))
