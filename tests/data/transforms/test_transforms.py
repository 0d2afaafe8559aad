"""Transforms change each sample on its own, all of its fields together, reproducibly."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torchvision.transforms.functional import (
    adjust_brightness,
    adjust_contrast,
    resized_crop,
)

from distnet.data.batch import Batch, Ragged
from distnet.data.fields.boxes import BoxesField
from distnet.data.fields.field import Field
from distnet.data.fields.image import ImageField
from distnet.data.fields.mask import MaskField
from distnet.data.fields.music import VOCABULARY, MusicField
from distnet.data.transforms.elastic import Bending
from distnet.data.transforms.jitter import Jittering
from distnet.data.transforms.resized_crop import ResizedCropping, windows
from distnet.data.transforms.transform import build_transform
from distnet.spec.sections.augmentation import (
    Augmentation,
    Crop,
    Elastic,
    Flip,
    Jitter,
    RandAugment,
    ResizedCrop,
    Rotate,
    Shift,
    Transpose,
    Turn,
)


@pytest.fixture
def images() -> Tensor:
    """64 images with one bright, off-centre spot of nine pixels."""
    x_BCHW = torch.zeros(64, 1, 20, 20, dtype=torch.uint8)
    x_BCHW[:, :, 4:7, 9:12] = 200
    return x_BCHW


FIELDS: dict[str, Field] = {
    "x": ImageField(shape=(1, 20, 20)),
    "mask": MaskField(shape=(20, 20), classes=("nothing", "a", "b")),
    "boxes": BoxesField(classes=("a", "b", "c")),
}


def of_images(steps: list[Augmentation]) -> Callable[[Tensor], Tensor]:
    """A transform of a dataset that has nothing but images."""
    transform = build_transform(steps, {"x": FIELDS["x"]})
    assert transform is not None
    return lambda x_BCHW: transform(Batch({"x": x_BCHW})).tensor("x")


def scene(images: Tensor) -> Batch:
    """The images, with a mask and a box on the spot of each."""
    mask = (images[:, 0] > 0).to(torch.uint8) * 2
    box = torch.tensor([[9.0, 4.0, 12.0, 7.0, 2.0]])
    boxes = Ragged(box.repeat(len(images), 1), torch.ones(len(images), dtype=torch.int64))
    return Batch({"x": images, "mask": mask, "boxes": boxes})


ALL = [
    Crop(kind="crop", padding=3),
    ResizedCrop(kind="resized-crop", scale=(0.9, 1.0), ratio=(1.0, 1.0)),
    Flip(kind="flip"),
    Shift(kind="shift"),
    Rotate(kind="rotate"),
    Turn(kind="turn"),
    Elastic(kind="elastic", pixels=1),
    Jitter(kind="jitter"),
]


@pytest.mark.parametrize("step", ALL, ids=lambda step: step.kind)
def test_augmentation_is_a_function_of_the_generator_alone(
    step: Augmentation, images: Tensor
) -> None:
    augment = of_images([step])

    results = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        results.append(augment(images))

    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])
    assert results[0].shape == images.shape
    assert results[0].dtype == torch.uint8
    assert len({image.numpy().tobytes() for image in results[0]}) > 1


def test_shift_moves_by_at_most_its_pixels(images: Tensor) -> None:
    augment = of_images([Shift(kind="shift", pixels=2)])

    moved = augment(images)

    rows, columns = moved.amax(3).float().argmax(2)[:, 0], moved.amax(2).float().argmax(2)[:, 0]
    assert moved.sum((1, 2, 3)).unique().tolist() == [200 * 9]
    assert set(rows.tolist()) == {2, 3, 4, 5, 6}
    assert set(columns.tolist()) == {7, 8, 9, 10, 11}


def test_resized_crop_enlarges_a_window_as_torchvision_does() -> None:
    """A window of given place and size is that of `resized_crop`, at most one grey level apart."""
    torch.manual_seed(0)
    x_BCHW = torch.randint(0, 256, (5, 3, 24, 36), dtype=torch.uint8)
    cropping = ResizedCropping((0.2, 1.0), (0.5, 2.0))
    area, ratio = torch.tensor(12 * 18 / (24 * 36)), torch.tensor(18 / 12)
    drawn = torch.stack([area, ratio, torch.tensor(0.5), torch.tensor(1.0)])[:, None].expand(4, 5)

    found = cropping.images(x_BCHW, drawn).float()

    expected = resized_crop(x_BCHW.float(), 12, 9, 12, 18, [24, 36], antialias=False)
    assert (found - expected)[..., 2:-2, 2:-2].abs().max() <= 1
    moved = cropping.corners(
        torch.tensor([[9.0, 12.0, 18.0, 18.0]]), torch.tensor([0]), drawn, torch.tensor([36.0, 24])
    )
    torch.testing.assert_close(moved, torch.tensor([[0.0, 0.0, 18.0, 12.0]]))


def test_resized_crop_draws_windows_within_its_bounds() -> None:
    torch.manual_seed(0)
    cropping = ResizedCropping((0.25, 0.5), (0.5, 2.0))

    sides, starts = windows(cropping.draw(4000, torch.device("cpu")), torch.tensor([40.0, 40.0]))

    area, ratio = sides.prod(0), sides[0] / sides[1]
    assert 0.25 - 1e-6 <= area.min() < 0.26
    assert 0.49 < area.max() <= 0.5 + 1e-6
    assert 0.5 - 1e-6 <= ratio.min() < 0.51
    assert 1.96 < ratio.max() <= 2 + 1e-6
    assert starts.min() >= 0
    assert (starts + sides).max() <= 1 + 1e-6


def test_flip_mirrors_its_part_of_the_samples(images: Tensor) -> None:
    always = of_images([Flip(kind="flip", probability=1.0)])
    never = of_images([Flip(kind="flip", probability=0.0)])

    images[:, :, 0, 0] = 9
    assert torch.equal(always(images), images.flip(-1))
    assert torch.equal(never(images), images)


def test_rotate_keeps_the_middle_and_the_brightness(images: Tensor) -> None:
    augment = of_images([Rotate(kind="rotate", degrees=15)])

    turned = augment(images).float()

    assert (turned.sum((1, 2, 3)) / (200 * 9) - 1).abs().max() < 0.25
    assert not torch.equal(turned, images.float())


def test_turn_is_by_quarters(images: Tensor) -> None:
    turned = of_images([Turn(kind="turn")])(images)

    expected = [images[0].rot90(quarters, (-2, -1)) for quarters in range(4)]
    found = [[torch.equal(image, one) for one in expected].index(True) for image in turned]
    assert set(found) == {0, 1, 2, 3}


def test_no_transform_is_none() -> None:
    assert build_transform([], FIELDS) is None
    assert build_transform([Flip(kind="flip")], {"boxes": FIELDS["boxes"]}) is None


@pytest.mark.parametrize("step", ALL, ids=lambda step: step.kind)
def test_boxes_and_masks_stay_on_their_objects(step: Augmentation, images: Tensor) -> None:
    transform = build_transform([step], FIELDS)
    assert transform is not None
    torch.manual_seed(0)

    moved = transform(scene(images))

    x, mask, boxes = moved.tensor("x"), moved.tensor("mask"), moved.ragged("boxes")
    slack = 1.5 if step.kind in ("resized-crop", "rotate", "elastic") else 0.0
    assert boxes.lengths.tolist() == [1] * len(images)
    for image, of_mask, box in zip(x[:, 0], mask, boxes.values, strict=True):
        rows, columns = (of_mask == 2).nonzero().unbind(1)
        edges = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert torch.stack(edges).float().sub(box[:4]).abs().max() <= slack
        assert box[4] == 2
        assert (image[of_mask == 2] > 50).all()
    assert mask.dtype == torch.uint8
    assert set(mask.unique().tolist()) == {0, 2}


def test_boxes_that_leave_the_image_are_dropped_and_others_are_clipped(images: Tensor) -> None:
    transform = build_transform([Shift(kind="shift", pixels=12)], FIELDS)
    assert transform is not None
    torch.manual_seed(0)

    boxes = transform(scene(images)).ragged("boxes")

    assert set(boxes.lengths.tolist()) == {0, 1}
    assert len(boxes.values) == int(boxes.lengths.sum())
    assert boxes.values[:, :4].min() >= 0
    assert boxes.values[:, :4].max() <= 20
    sizes = boxes.values[:, 2:4] - boxes.values[:, :2]
    assert sizes.min() >= 1
    assert sizes.max() == 3


def test_rotation_keeps_shapes_in_images_that_are_not_square() -> None:
    """A disc stays a disc: its area and both diameters are those before."""
    rows, columns = torch.meshgrid(torch.arange(20), torch.arange(60), indexing="ij")
    disc = ((rows - 9.5) ** 2 + (columns - 29.5) ** 2 <= 64).to(torch.uint8) * 255
    transform = build_transform(
        [Rotate(kind="rotate", degrees=90)], {"x": ImageField(shape=(1, 20, 60))}
    )
    assert transform is not None
    torch.manual_seed(0)

    moved = transform(Batch({"x": disc.expand(16, 1, 20, 60)})).tensor("x")[:, 0]

    difference = (moved.int() - disc.int()).abs().sum((1, 2)) / disc.sum()
    assert difference.max() < 0.1


@pytest.mark.parametrize("step", ALL, ids=lambda step: step.kind)
def test_what_comes_in_is_the_paper_of_drawn_figures(step: Augmentation) -> None:
    white = ImageField(shape=(1, 20, 20), mean=(0.97,), std=(0.17,))
    transform = build_transform([step], {"x": white})
    assert transform is not None

    paper = torch.full((8, 1, 20, 20), 255, dtype=torch.uint8)

    assert torch.equal(transform(Batch({"x": paper})).tensor("x"), paper)


@pytest.mark.parametrize(
    "step", [Shift(kind="shift", pixels=12), Rotate(kind="rotate", degrees=60)]
)
def test_what_comes_into_a_mask_has_no_class(step: Augmentation) -> None:
    void = MaskField(shape=(20, 20), classes=("a", "b"), ignore_index=255)
    transform = build_transform([step], FIELDS | {"mask": void})
    assert transform is not None
    torch.manual_seed(0)
    white = torch.full((64, 1, 20, 20), 255, dtype=torch.uint8)

    moved = transform(scene(white).with_(mask=torch.ones(64, 20, 20, dtype=torch.uint8)))

    mask, x = moved.tensor("mask"), moved.tensor("x")[:, 0]
    assert set(mask.unique().tolist()) == {1, 255}
    assert (mask[x == 0] == 255).all()
    assert (mask[x == 255] == 1).all()


def test_elastic_moves_by_the_cubics_of_a_grid_whose_border_stays() -> None:
    """By hand: half way from the border the cubic's weight of the middle is 0.59375 (a = -0.75)."""
    ramp = torch.arange(17, dtype=torch.uint8).mul(10).expand(2, 1, 17, 17)
    drawn = Bending(4, 1).draw(2, ramp.device)
    bent = Bending(4, 1).images(ramp, drawn).float()

    assert drawn.shape == (2, 2, 3, 3)
    assert drawn.flatten(2).count_nonzero(2).tolist() == [[1, 1], [1, 1]]
    middle = drawn[:, 0, 1, 1]
    for column, weight in ((0, 0.0), (4, 0.59375), (8, 1.0), (16, 0.0)):
        expected = (10 * (column + weight * middle)).clamp(0, 160)
        torch.testing.assert_close(bent[:, 0, 8, column], expected, atol=0.51, rtol=0)


def test_jitter_is_that_of_torchvision() -> None:
    torch.manual_seed(0)
    x_BCHW = torch.randint(0, 256, (6, 3, 9, 7), dtype=torch.uint8)
    jittering = Jittering(0.4, 0.3)
    drawn = jittering.draw(6, x_BCHW.device)
    brightness, contrast = drawn

    assert ((drawn - 1).abs().amax(1) < torch.tensor([0.4, 0.3])).all()
    found = jittering.images(x_BCHW[:, :1], drawn)
    for image, of_image, bright, contrasted in zip(
        x_BCHW[:, :1], found, brightness.tolist(), contrast.tolist(), strict=True
    ):
        expected = adjust_contrast(adjust_brightness(image / 255, bright), contrasted) * 255
        assert (of_image - expected).abs().max() <= 0.51


MUSIC = MusicField(vocabulary=VOCABULARY).of_length(8)
WINDOWS: dict[str, Field] = {"input": MUSIC, "target": MUSIC}


def transposed(text: str, semitones: int, num: int = 400) -> tuple[Tensor, Tensor, Tensor]:
    """A window before, and as input and target of many samples after the transform."""
    tokens = torch.from_numpy(MUSIC.encode(text).copy()).long()
    transform = build_transform([Transpose(kind="transpose", semitones=semitones)], WINDOWS)
    assert transform is not None
    target = tokens.roll(-1)
    target[-1] = -100  # without a next token
    moved = transform(Batch({"input": tokens.expand(num, -1), "target": target.expand(num, -1)}))
    return tokens, moved.tensor("input"), moved.tensor("target")


def test_music_is_transposed_with_its_targets_by_every_number_of_semitones() -> None:
    torch.manual_seed(0)
    tokens, input_nT, target_nT = transposed("C5 G4 E4 rest end rest rest rest", 3)

    moved = input_nT - tokens
    assert set(moved[:, 0].tolist()) == {-3, -2, -1, 0, 1, 2, 3}
    assert (moved[:, :3] == moved[:, :1]).all()
    assert (moved[:, 3:] == 0).all()
    assert (target_nT[:, :2] == input_nT[:, 1:3]).all()
    assert (target_nT[:, -1] == -100).all()


def test_no_pitch_leaves_those_of_midi() -> None:
    torch.manual_seed(0)
    low, lowest_nT, _ = transposed("C-1 C4 C4 C4 C4 C4 C4 C4", 5)
    high, highest_nT, _ = transposed("C4 C4 C4 C4 F#9 C4 C4 rest", 5)

    assert set((lowest_nT - low)[:, 0].tolist()) == set(range(6))
    assert set((highest_nT - high)[:, 0].tolist()) == {-5, -4, -3, -2, -1, 0, 1}


def test_transforms_of_what_is_not_there_change_nothing() -> None:
    assert build_transform([Transpose(kind="transpose")], {"x": FIELDS["x"]}) is None
    assert build_transform([Flip(kind="flip")], WINDOWS) is None


def test_rand_augment_changes_each_image_on_its_own(images: Tensor) -> None:
    change = of_images([RandAugment(kind="rand-augment", num_ops=2, magnitude=15)])
    torch.manual_seed(0)
    changed = change(images)
    torch.manual_seed(0)

    assert torch.equal(changed, change(images))
    assert changed.dtype == torch.uint8
    assert changed.shape == images.shape
    assert len({bytes(image.numpy().tobytes()) for image in changed}) > 20
    assert not torch.equal(images, changed)


def test_rand_augment_fills_with_the_colour_of_the_paper() -> None:
    white = ImageField(shape=(1, 20, 20), mean=(0.97,), std=(0.17,))
    step = RandAugment(kind="rand-augment", num_ops=1, magnitude=30)
    transform = build_transform([step], {"x": white})
    assert transform is not None

    paper = torch.full((64, 1, 20, 20), 255, dtype=torch.uint8)
    changed = transform(Batch({"x": paper})).tensor("x").flatten(1)

    assert torch.equal(changed.amin(1), changed.amax(1))
