"""The common shape of the images of a dataset, and what decoding changes about them."""

from collections import Counter
from collections.abc import Iterator

from distnet.data.images.decode import WHITE_16, Colours, ImageHeader, Size
from distnet.data.survey.summary import Findings
from distnet.errors import DataError
from distnet.spec.plural import counted

LEAST_BRIGHTEST = 2**14
"""Cameras of 10, 12 and 14 bits write smaller values into files of 16 bits."""


class ImageSurvey:
    """Find the common shape of the images of a dataset, and report what decoding changes.

    Args:
        findings: of the import.
        is_whole: whether scaled images keep all they show, and are not cropped.
    """

    def __init__(self, findings: Findings, *, is_whole: bool = False) -> None:
        self._findings, self._is_whole = findings, is_whole
        self._sizes: Counter[Size] = Counter()
        self._examples: dict[Size, str] = {}
        self._num_coloured = 0
        self._brightest: list[int] = []
        """Of each grey image with 16 bits."""

    def add(self, header: ImageHeader, *, location: str) -> None:
        """Count one image."""
        size = (header.height, header.width)
        self._sizes[size] += 1
        self._examples.setdefault(size, location)
        self._num_coloured += not header.is_grey
        self._brightest += [] if header.brightest is None else [header.brightest]
        for what, value, why in _changes(header):
            self._findings.guessed(what, value, why, example=location)

    @property
    def is_of_one_size(self) -> bool:
        """Whether all images so far have one size."""
        return len(self._sizes) < 2

    def shape(self, size: Size | None, colours: Colours | None) -> tuple[int, int, int]:
        """Decide channels, height and width; colour where any image has some.

        Raises:
            DataError: the sizes differ and no size is given, there are no images, or those with 16
                bits are nearly black.
        """
        self._check_any()
        self._check_depth()
        if size is not None and min(size) < 1:
            raise DataError(f"size: found {size[0]}x{size[1]}, expected 1 or more pixels a side")
        if size is None and len(self._sizes) > 1:
            raise DataError(self._differences())
        height, width = size or next(iter(self._sizes))
        num_scaled = self._sizes.total() - self._sizes[height, width]
        if num_scaled:
            why = f"they do not have {height}x{width} pixels"
            cropped = "scaled to cover that, and cropped to the middle"
            value = "scaled to that, each side apart" if self._is_whole else cropped
            self._findings.guessed("images", value, why, count=num_scaled, option="--size")
        return self.channels(colours), height, width

    def channels(self, colours: Colours | None) -> int:
        """Decide the channels alone, of images that may differ in size.

        Raises:
            DataError: there are no images, or those with 16 bits are nearly black.
        """
        self._check_any()
        self._check_depth()
        return 3 if self._is_coloured(colours) else 1

    def _check_any(self) -> None:
        if not self._sizes:
            raise DataError("\n".join(["no image can be read", *self._findings.left_out_lines()]))

    def _check_depth(self) -> None:
        """Refuse values of 10, 12 or 14 bits in files of 16, of which few greys would be left."""
        brightest = max(self._brightest, default=WHITE_16)
        if brightest < LEAST_BRIGHTEST:
            count = counted(len(self._brightest), "grey image")
            raise DataError(
                f"the brightest value in {count} with 16 bits is {brightest:,}, where "
                f"{WHITE_16:,} is white, so that {counted(brightest // 256 + 1, 'grey')} of 256 "
                "would be left; multiply all of them by one factor first, such as "
                f"{WHITE_16 // max(brightest, 1)}"
            )

    def _is_coloured(self, colours: Colours | None) -> bool:
        if colours is not None:
            return colours == "rgb"
        total = self._sizes.total()
        if self._num_coloured:
            why = f"{self._num_coloured:,} of {total:,} images are stored in colours"
        else:
            why = "no image is stored in colours"
        value = "rgb" if self._num_coloured else "grey"
        self._findings.guessed("colours", value, why, option="--colours")
        return self._num_coloured > 0

    def _differences(self) -> str:
        lines = [
            f"  {height}x{width}: {counted(count, 'image')}, such as "
            f"{self._examples[height, width]}"
            for (height, width), count in self._sizes.most_common(5)
        ]
        if len(self._sizes) > len(lines):
            lines.append(f"  and {counted(len(self._sizes) - len(lines), 'more size')}")
        return "\n".join(
            [
                f"the images have {len(self._sizes)} different sizes (height x width):",
                *lines,
                "choose one size for all: --size HEIGHTxWIDTH",
            ]
        )


def _changes(header: ImageHeader) -> Iterator[tuple[str, str, str]]:
    """What decoding changes about an image: what it is, what is done, and why."""
    if header.is_turned:
        yield "images", "turned upright", "their EXIF orientation says so"
    if header.is_transparent:
        yield "images", "laid on white", "they may have transparent parts"
    if header.has_more_frames:
        yield "images", "only the first frame is read", "they have several frames"
    if header.has_16_bits:
        yield "images", "reduced to 8 bits a channel", "they have more"
    if not header.is_plain:
        yield "images", "converted to RGB", f"their colours are {header.mode}"
    if header.has_profile:
        yield "images", "read without their colour profile", "it is not sRGB"
