"""Random changes to training samples, as a job file asks for them."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from distnet.spec.reading.faults import KeyFaultError
from distnet.spec.sections.section import PositiveFloat, PositiveInt, Section

Share = Annotated[float, Field(gt=0, le=1)]


class Crop(Section):
    """Cut a window of the image's own size from a random position of the padded image.

    What comes in, as with shift and rotate, is black; or white if the data are figures on white.
    """

    kind: Literal["crop"]
    padding: PositiveInt = 4
    """Pixels added on each side before cutting."""


class Flip(Section):
    """Mirror the image left to right."""

    kind: Literal["flip"]
    probability: Annotated[float, Field(ge=0, le=1)] = 0.5
    """The probability that an image is mirrored."""


class Shift(Section):
    """Move the image by whole pixels, filled with black or white as in crop."""

    kind: Literal["shift"]
    pixels: PositiveInt = 2
    """The largest shift along each axis, in pixels."""


class ResizedCrop(Section):
    """Cut a random window and enlarge it to the image's size, as torchvision's RandomResizedCrop.

    Nothing comes in from outside. It teaches most where objects are of any size, as in photos.
    """

    kind: Literal["resized-crop"]
    scale: tuple[Share, Share] = (0.35, 1.0)
    """The smallest and the largest area of the window, as parts of that of the image."""
    ratio: tuple[PositiveFloat, PositiveFloat] = (3 / 4, 4 / 3)
    """The least and the most of the window's width by its height."""

    @model_validator(mode="after")
    def _is_ordered(self) -> "ResizedCrop":
        for key in ("scale", "ratio"):
            low, high = getattr(self, key)
            if low > high:
                raise KeyFaultError(key, f"found {low:g} before {high:g}, expected least, most")
        return self


class Rotate(Section):
    """Rotate the image around its centre."""

    kind: Literal["rotate"]
    degrees: PositiveFloat = 10.0
    """The largest angle in either direction, in degrees."""


class Turn(Section):
    """Turn the image by 0, 90, 180 or 270 degrees: for square images that have no upside."""

    kind: Literal["turn"]


class Transpose(Section):
    """Move all pitches of music up or down by the same number of semitones."""

    kind: Literal["transpose"]
    semitones: PositiveInt = 6
    """The most in either direction; less where a pitch would leave those of MIDI."""


class Elastic(Section):
    """Bend the image smoothly; its border stays where it is."""

    kind: Literal["elastic"]
    pixels: PositiveFloat = 8.0
    """The standard deviation of the moves of points, in pixels; well below their distance."""
    points: Annotated[int, Field(ge=1, le=32)] = 3
    """Points along each side of the grid that is moved; more of them make smaller waves."""


class Jitter(Section):
    """Change the brightness, then the contrast, as torchvision's ColorJitter."""

    kind: Literal["jitter"]
    brightness: Annotated[float, Field(ge=0, le=1)] = 0.2
    """Pixels are multiplied by a factor from 1 - brightness to 1 + brightness."""
    contrast: Annotated[float, Field(ge=0, le=1)] = 0.2
    """Differences from the image's mean are multiplied by 1 - contrast to 1 + contrast."""


class RandAugment(Section):
    """Change each image by a few random operations (Cubuk et al. 2020), as torchvision does.

    Among them are shears, shifts, rotations, contrast and sharpness: 14 in all.
    """

    kind: Literal["rand-augment"]
    num_ops: Annotated[int, Field(ge=1, le=14)] = 2
    """Operations on each image, one after the other."""
    magnitude: Annotated[int, Field(ge=0, le=30)] = 9
    """How strong they are: 0 changes nothing, 30 most."""


class Mix(Section):
    """Mix each sample with another one of its slice, and their targets in the same shares.

    With both kinds, each sample is mixed in one of the two ways, by chance.
    """

    mixup: PositiveFloat | None = None
    """Add both samples up (Zhang et al. 2018). Their shares are drawn from Beta(mixup, mixup): 0.2
    mixes little, 1 evenly."""
    cutmix: PositiveFloat | None = None
    """Put a rectangle of the other image over this one (Yun et al. 2019). The share that it leaves
    is drawn from Beta(cutmix, cutmix); 1 is usual."""
    probability: Share = 1.0
    """The probability that a sample is mixed."""

    @model_validator(mode="after")
    def _mixes(self) -> "Mix":
        if self.mixup is None and self.cutmix is None:
            raise KeyFaultError("mixup", "found neither it nor cutmix, expected one of them")
        return self


Augmentation = Annotated[
    Crop | ResizedCrop | Flip | Shift | Rotate | Turn | Elastic | Jitter | RandAugment | Transpose,
    Field(discriminator="kind"),
]
