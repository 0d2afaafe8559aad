"""Random changes to training images, as a job file asks for them."""

from typing import Annotated, Literal

from pydantic import Field

from distnet.spec.sections.section import PositiveFloat, PositiveInt, Section


class Crop(Section):
    """Cut a window of the image's own size at a random place of the padded image."""

    kind: Literal["crop"]
    padding: PositiveInt = 4
    """Pixels added on each side before cutting."""


class Flip(Section):
    """Mirror left and right."""

    kind: Literal["flip"]
    probability: Annotated[float, Field(ge=0, le=1)] = 0.5
    """How likely an image is mirrored."""


class Shift(Section):
    """Move the image by whole pixels, filling with its background."""

    kind: Literal["shift"]
    pixels: PositiveInt = 2
    """The largest distance, in pixels, along each axis."""


class Rotate(Section):
    """Turn the image around its middle."""

    kind: Literal["rotate"]
    degrees: PositiveFloat = 10.0
    """The largest angle to either side, in degrees."""


Augmentation = Annotated[Crop | Flip | Shift | Rotate, Field(discriminator="kind")]
