"""A user's own task for torchvision's detectors, whose loss is inside of the network.

While training they take images and targets, and return a dict of losses; else they return what they
found. Both fit: `loss` calls the network in the one way, `measure` in both.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.detection import FasterRCNN, RetinaNet
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.ops import MultiScaleRoIAlign, box_iou

from distnet.data.batch import Batch
from distnet.data.manifest import Manifest
from distnet.spec.metric import Metric
from distnet.tasks.task import Loss, Measured, Networks, Phase, Summary

MAPS = 8


def backbone() -> nn.Sequential:
    """Maps of an eighth of the image."""
    layers = [nn.Conv2d(3, MAPS, 7, stride=4, padding=3), nn.ReLU(), nn.MaxPool2d(2)]
    found = nn.Sequential(*layers)
    found.out_channels = MAPS
    return found


class TwoStages(nn.Module):
    """Faster R-CNN, which draws the boxes that it learns from."""

    def __init__(self, shape: tuple[int, ...], num_classes: int) -> None:
        super().__init__()
        self.inner = FasterRCNN(
            backbone(),
            min_size=shape[1],
            max_size=shape[2],
            rpn_anchor_generator=AnchorGenerator(((16,),), ((1.0,),)),
            box_roi_pool=MultiScaleRoIAlign(["0"], 3, 1),
            box_head=TwoMLPHead(9 * MAPS, 16),
            box_predictor=FastRCNNPredictor(16, num_classes + 1),
        )

    def forward(self, images: list[Tensor], targets: list[dict[str, Tensor]] | None = None) -> Any:
        return self.inner(images, targets)


class OneStage(TwoStages):
    """RetinaNet."""

    def __init__(self, shape: tuple[int, ...], num_classes: int) -> None:
        nn.Module.__init__(self)
        self.inner = RetinaNet(
            backbone(),
            num_classes + 1,
            min_size=shape[1],
            max_size=shape[2],
            anchor_generator=AnchorGenerator(((16,),), ((1.0,),)),
        )


class Detect:
    """Torchvision's own loss; which part of the true boxes was found, of any class."""

    metrics = (Metric("found", "percent", "higher"),)

    def __init__(self, data: Manifest) -> None:
        self.network_arguments = (data.fields["x"].shape, len(data.fields["boxes"].classes))

    def loss(self, networks: Networks, batch: Batch, phase: Phase) -> Loss:
        losses = networks["network"](self._images(batch), self._targets(batch))
        return Loss(sum(losses.values(), torch.zeros(())))

    def measure(self, networks: Networks, batch: Batch) -> Measured:
        network = networks["network"]
        found = network(self._images(batch))
        network.train()
        losses = network(self._images(batch), self._targets(batch))
        network.eval()
        loss = sum(losses.values(), torch.zeros(())) * len(batch)
        right = [
            (box_iou(true["boxes"], one["boxes"]) > 0.5).any(1).sum()
            for one, true in zip(found, self._targets(batch), strict=True)
        ]
        num_right = torch.stack(right).double()
        counts = torch.tensor([len(batch), len(batch.ragged("boxes").values)]).double()
        sums = torch.cat([torch.stack([loss.double(), num_right.sum()]), counts])
        return Measured(sums, -num_right)

    def summarise(self, sums: Tensor, collected: Sequence[bytes]) -> Summary:
        loss, right, num_images, num_boxes = sums.tolist()
        return Summary({"loss": loss / num_images, "found": right / num_boxes})

    def predict(self, networks: Networks, batch: Batch) -> list[dict[str, Any]]:
        found = networks["network"](self._images(batch))
        return [{"boxes": one["boxes"].tolist()} for one in found]

    @staticmethod
    def _images(batch: Batch) -> list[Tensor]:
        return list(batch.tensor("x").expand(-1, 3, -1, -1))

    @staticmethod
    def _targets(batch: Batch) -> list[dict[str, Tensor]]:
        return [
            {"boxes": one[:, :4], "labels": one[:, 4].long() + 1}
            for one in batch.ragged("boxes").split()
        ]
