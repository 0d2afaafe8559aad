"""Segmentation, against torchmetrics and figures worked out by hand."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics.classification import MulticlassAccuracy, MulticlassJaccardIndex

from distnet.data.batch import Batch
from distnet.data.fields.class_ import ClassField
from distnet.data.fields.field import Field
from distnet.data.fields.image import ImageField
from distnet.data.fields.mask import MaskField
from distnet.data.manifest import Manifest, Split
from distnet.errors import PartError
from distnet.run_folder.figures import Images, Table
from distnet.spec.parts import load_part
from distnet.spec.sections.section import Part
from distnet.tasks.images.segment import Segment
from distnet.tasks.task import Phase

CLASSES = ("ground", "cat", "dog", "owl")
HEIGHT, WIDTH = 6, 5


def data(**fields: Field) -> Manifest:
    image = ImageField(shape=(1, HEIGHT, WIDTH))
    mask = MaskField(shape=(HEIGHT, WIDTH), classes=CLASSES)
    return Manifest(
        name="toy",
        source="made in the test",
        fields={"x": image, "mask": mask} | fields,
        splits={"train": Split(num_samples=0, shards=())},
    )


class Given(nn.Module):
    """Gives the outputs that are set, whatever the images."""

    def __init__(self, outputs: Tensor) -> None:
        super().__init__()
        self.outputs = outputs

    def forward(self, x: Tensor) -> Tensor:
        return self.outputs


def batch_of(masks: Tensor) -> Batch:
    return Batch({"x": torch.zeros(len(masks), 1, HEIGHT, WIDTH), "mask": masks.to(torch.uint8)})


def drawn(num: int) -> tuple[Tensor, Tensor]:
    """Outputs and masks; the last class neither occurs nor is predicted."""
    generator = torch.Generator().manual_seed(3)
    outputs = torch.randn(num, len(CLASSES), HEIGHT, WIDTH, generator=generator)
    outputs[:, -1] = -9
    return outputs, torch.randint(0, 3, (num, HEIGHT, WIDTH), generator=generator)


def test_metrics_over_all_batches_are_those_of_torchmetrics() -> None:
    outputs, masks = drawn(7)
    task = Segment(data())
    parts = [slice(0, 4), slice(4, 7)]
    found = [
        task.measure({"network": Given(outputs[part])}, batch_of(masks[part])) for part in parts
    ]

    summary = task.summarise(torch.stack([one.sums for one in found]).sum(0), [])

    expected = MulticlassJaccardIndex(len(CLASSES), average="macro")(outputs.argmax(1), masks)
    accuracy = MulticlassAccuracy(len(CLASSES), average="micro")(outputs.argmax(1), masks)
    assert summary.metrics["mean_iou"] == pytest.approx(float(expected))
    assert summary.metrics["pixel_accuracy"] == pytest.approx(float(accuracy))
    assert summary.metrics["loss"] == pytest.approx(float(F.cross_entropy(outputs, masks)))
    (table,) = (figure for figure in summary.figures if isinstance(figure, Table))
    of_each = MulticlassJaccardIndex(len(CLASSES), average="none")(outputs.argmax(1), masks)
    assert [row[1] for row in table.rows] == pytest.approx(of_each.tolist())
    assert [row[-1] for row in table.rows] == torch.bincount(masks.flatten(), minlength=4).tolist()


def with_void(masks: Tensor) -> Tensor:
    """The masks, a third of whose pixels have no class."""
    is_void = torch.rand(masks.shape, generator=torch.Generator().manual_seed(5)) < 0.3
    return masks.masked_fill(is_void, 255)


def void_task(dice: float = 0.0) -> Segment:
    mask = MaskField(shape=(HEIGHT, WIDTH), classes=CLASSES, ignore_index=255)
    return Segment(data(mask=mask), dice=dice)


def test_pixels_without_a_class_are_not_counted_as_in_torchmetrics() -> None:
    outputs, masks = drawn(7)
    masks = with_void(masks)
    masks[6] = 255
    task, networks = void_task(), {"network": Given(outputs)}

    measured = task.measure(networks, batch_of(masks))
    summary = task.summarise(measured.sums, [])
    loss = task.loss(networks, batch_of(masks), Phase())

    found = outputs.argmax(1)
    iou = MulticlassJaccardIndex(len(CLASSES), average="macro", ignore_index=255)(found, masks)
    accuracy = MulticlassAccuracy(len(CLASSES), average="micro", ignore_index=255)(found, masks)
    losses = [F.cross_entropy(outputs[[i]], masks[[i]], ignore_index=255) for i in range(6)]
    assert summary.metrics["mean_iou"] == pytest.approx(float(iou))
    assert summary.metrics["pixel_accuracy"] == pytest.approx(float(accuracy))
    assert summary.metrics["loss"] == pytest.approx(float(torch.stack(losses).mean()))
    right, pixels = loss.metrics["pixel_accuracy"]
    assert float(right) / float(pixels) == pytest.approx(float(accuracy))
    assert loss.weights is not None
    assert loss.weights.tolist() == [1] * 6 + [0]
    assert loss.values.tolist() == pytest.approx([*map(float, losses), 0])


@pytest.mark.parametrize("dice", [0.0, 0.5])
def test_pixels_without_a_class_have_no_gradient(dice: float) -> None:
    outputs, masks = drawn(3)
    masks, outputs = with_void(masks), outputs.requires_grad_()

    loss = void_task(dice).loss({"network": Given(outputs)}, batch_of(masks), Phase())
    loss.values.sum().backward()

    assert outputs.grad is not None
    moved = outputs.grad.abs().amax(1) > 0
    assert torch.equal(moved, masks != 255)


def test_void_that_does_not_occur_changes_no_bit() -> None:
    outputs, masks = drawn(4)
    networks, batch = {"network": Given(outputs)}, batch_of(masks)
    plain = Segment(data(), dice=0.5).measure(networks, batch)

    assert torch.equal(void_task(0.5).measure(networks, batch).sums, plain.sums)


def test_loss_is_the_mean_cross_entropy_of_each_image() -> None:
    outputs, masks = drawn(3)

    loss = Segment(data()).loss({"network": Given(outputs)}, batch_of(masks), Phase())

    for index, value in enumerate(loss.values):
        assert value == pytest.approx(float(F.cross_entropy(outputs[[index]], masks[[index]])))
    right, pixels = loss.metrics["pixel_accuracy"]
    assert float(right) / float(pixels) == float((outputs.argmax(1) == masks).double().mean())


def test_dice_is_added_as_defined() -> None:
    outputs, masks = drawn(2)
    parts, losses = outputs.softmax(1), []
    for image in range(2):
        scores = []
        for index in range(len(CLASSES)):
            p, t = parts[image, index], (masks[image] == index).float()
            scores.append((2 * (p * t).sum() + 1) / (p.sum() + t.sum() + 1))
        losses.append(1 - torch.stack(scores).mean())

    networks = {"network": Given(outputs)}
    plain = Segment(data()).loss(networks, batch_of(masks), Phase()).values
    added = Segment(data(), dice=0.5).loss(networks, batch_of(masks), Phase()).values

    torch.testing.assert_close(added - plain, 0.5 * torch.stack(losses))


def test_prediction_has_the_shares_and_the_mask() -> None:
    outputs = torch.zeros(1, len(CLASSES), HEIGHT, WIDTH)
    outputs[0, 0] = 1
    outputs[0, 2, :3] = 2

    (found,) = Segment(data()).predict({"network": Given(outputs)}, batch_of(torch.zeros(1, 6, 5)))

    assert found["shares"] == {"ground": 0.5, "dog": 0.5}
    assert found["mask"].dtype == np.uint8
    assert found["mask"].tolist() == [[2] * 5] * 3 + [[0] * 5] * 3


def test_shown_are_images_with_their_masks_and_the_predicted_ones() -> None:
    outputs, masks = drawn(2)
    batch = batch_of(masks)

    shown = Segment(data()).show({"network": Given(outputs)}, lambda num: (batch, batch))

    (figure,) = shown.figures
    assert isinstance(figure, Images)
    assert len(figure.captions) == len(shown.arrays[figure.array]) == 4
    assert figure.classes == CLASSES
    assert np.array_equal(shown.arrays[figure.masks][0::2], masks)
    assert np.array_equal(shown.arrays[figure.masks][1::2], outputs.argmax(1))


def test_outputs_of_another_shape_are_refused() -> None:
    with pytest.raises(PartError, match=r"expected a tensor \[2, 4, 6, 5\]: for each pixel"):
        Segment(data()).measure(
            {"network": Given(torch.zeros(2, 4))}, batch_of(torch.zeros(2, 6, 5))
        )


@pytest.mark.parametrize(
    "fields",
    [
        {"mask": ClassField(classes=CLASSES)},
        {"mask": MaskField(shape=(3, 3), classes=CLASSES)},
        {"x": ImageField(shape=(3,))},
    ],
)
def test_data_without_masks_of_the_images_is_refused(fields: dict[str, Field]) -> None:
    with pytest.raises(ValueError, match="task segment needs images x of one size, and masks of"):
        Segment(data(**fields))


def test_it_is_found_by_its_name(tmp_path: Path) -> None:
    cls, options = load_part(
        "tasks", Part.model_validate({"kind": "segment", "dice": 1}), folder=tmp_path
    )
    assert cls(data(), **options).network_arguments == ((1, HEIGHT, WIDTH), len(CLASSES))


def test_masks_with_void_are_unlike_those_whose_pixels_all_have_a_class() -> None:
    plain = MaskField(shape=(2, 2), classes=("a", "b"))
    void = plain.model_copy(update={"ignore_index": 255})

    assert void.unlike(plain) is not None
    assert plain.unlike(void) is None
    assert void.unlike(void) is None
