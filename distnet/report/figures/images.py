"""A grid of images: pixels with captions, boxes and masks, or weights on a common scale."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Patch, Rectangle
from numpy.typing import NDArray

from distnet.report.colours import ORANGE, SKY, class_colours
from distnet.report.parts import Arrays, Part, Plot
from distnet.report.style import GRID, WIDTH, new_axes, styled
from distnet.report.text import shorten
from distnet.run_folder.figures import Box, Images
from distnet.spec.plural import counted

Array = NDArray[Any]
NUM_IMAGES = 20
NUM_WEIGHTS = 64
COLUMNS = 4
GAP, LINE = 0.08, 0.16
"""Between two images, and a line of a caption; in widths of an image."""
CAPTION_LETTERS = 15
"""As many fit above an image."""
VOID = (150, 150, 150, 230)
"""Red, green, blue and opacity of pixels that have no class."""
LABEL, LABEL_LETTERS = 0.08, 16
"""The height of a box's label in widths of an image, and how many letters it has."""
LEGEND_COLUMNS, LEGEND_LINE = 6, 0.22
"""Of the classes in masks; the height of a line in inches."""
DIVERGING = LinearSegmentedColormap.from_list("weights", ["#1b5fa8", "#ffffff", "#c8501e"])


def draw(figure: Images, arrays: Arrays) -> Iterator[Part]:
    """Draw the images of the figure's array; nothing where the array is missing or empty."""
    images = arrays.get(figure.array)
    if images is None or not len(images):
        return
    images = images if images.ndim == 4 else images[:, None]
    is_pixels = images.dtype == np.uint8
    canvas = draw_pixels(figure, images, arrays) if is_pixels else draw_weights(figure, images)
    yield Plot(figure.title, f"{figure.title}: a grid of {counted(len(images), 'image')}", canvas)


@styled()
def draw_pixels(figure: Images, images: Array, arrays: Arrays) -> Canvas:
    """Draw images with their captions, boxes and masks; `images` is uint8 [n, C, H, W]."""
    columns = figure.columns or COLUMNS
    shown = images if figure.columns else images[:NUM_IMAGES]
    lines = [caption.splitlines() for caption in figure.captions]
    tall = images.shape[2] / images.shape[3]
    above = GAP + LINE * max(map(len, lines), default=0)
    rows, pitch = -(-len(shown) // columns), tall + above
    legend = _legend(figure, arrays)
    height = 0.5 + rows * pitch * (WIDTH - 0.2) / (columns + GAP * (columns - 1))
    height += -(-len(legend) // LEGEND_COLUMNS) * LEGEND_LINE
    canvas, axes = new_axes(_title(figure, shown, images), height=height)
    if legend:
        where = "outside lower center"
        canvas.legend(handles=legend, loc=where, ncols=LEGEND_COLUMNS, fontsize=8, frameon=False)
    for index, image in enumerate(shown):
        left, top = index % columns * (1 + GAP), index // columns * pitch + above - GAP
        extent = (left, left + 1, top + tall, top)
        axes.imshow(_pixels(image), cmap="gray", vmin=0, vmax=255, extent=extent)
        for mask in arrays.get(figure.masks, ())[index : index + 1]:
            _draw_mask(axes, mask, extent, figure.void)
        for box in chain.from_iterable(figure.boxes[index : index + 1]):
            _draw_box(axes, box, left, top, 1 / images.shape[3])
        for caption in lines[index : index + 1]:
            text = "\n".join(shorten(line, CAPTION_LETTERS) for line in caption)
            axes.text(left + 0.5, top - 0.03, text, fontsize=9, ha="center", va="bottom")
    axes.set_axis_off()
    axes.set(xlim=(0, columns + GAP * (columns - 1)), ylim=(rows * pitch - GAP, 0))
    return canvas


@styled()
def draw_weights(figure: Images, images: Array) -> Canvas:
    """Draw signed values, float32 [n, C, H, W], on one scale for all.

    Blue is negative, white is 0, orange is positive. The channels of an image are side by side.
    """
    shown = images[:NUM_WEIGHTS]
    panels = np.concatenate(list(np.moveaxis(shown, 1, 0)), axis=-1)
    mosaic = _mosaic(panels, columns=4 if len(panels) <= 16 else 8)
    height = 0.6 + min(7.0, (WIDTH - 1.2) * mosaic.shape[0] / mosaic.shape[1])
    canvas, axes = new_axes(_title(figure, shown, images), height=height)
    limit = float(np.nanmax(np.abs(shown), initial=0)) or 1.0
    image = axes.imshow(mosaic, cmap=DIVERGING.with_extremes(bad=GRID), vmin=-limit, vmax=limit)
    axes.set_axis_off()
    bar = canvas.colorbar(image, ax=axes, shrink=0.8, aspect=30, pad=0.02)
    bar.outline.set_visible(False)
    return canvas


def _title(figure: Images, shown: Array, images: Array) -> str:
    is_cut = len(shown) < len(images)
    return f"{figure.title}, {len(shown)} of {len(images):,}" if is_cut else figure.title


def _pixels(image: Array) -> Array:
    return np.moveaxis(image, 0, -1) if image.shape[0] == 3 else image[0]


def _draw_mask(
    axes: Axes, mask: Array, extent: tuple[float, float, float, float], void: int | None
) -> None:
    """Lay a colour over the pixels of each class; class 0 stays clear, those without are grey."""
    pixels = np.zeros((*mask.shape, 4), dtype=np.uint8)
    pixels[..., :3] = class_colours(256)[mask]
    pixels[..., 3] = np.where(mask > 0, 120, 0)
    if void is not None:
        pixels[mask == void] = VOID
    axes.imshow(pixels, extent=extent)


def _legend(figure: Images, arrays: Arrays) -> list[Patch]:
    """The colours of the classes that are seen in the masks; class 0 has none."""
    masks = arrays.get(figure.masks)
    if masks is None:
        return []
    colours = class_colours(len(figure.classes)) / 255
    seen = [int(index) for index in np.unique(masks[:NUM_IMAGES])]
    named = [index for index in seen if index < len(figure.classes)]
    patches = [
        Patch(
            facecolor=tuple(colours[index]) if index else "none",
            edgecolor=tuple(colours[index]) if index else GRID,
            label=shorten(figure.classes[index], CAPTION_LETTERS),
        )
        for index in named
    ]
    if figure.void in seen:
        patches.append(Patch(color=tuple(value / 255 for value in VOID), label="not counted"))
    return patches


def _draw_box(axes: Axes, box: Box, left: float, top: float, pixel: float) -> None:
    """Draw one box of the image whose corner is at (left, top); the data's own are dashed."""
    corner = (left + box.left * pixel, top + box.top * pixel)
    size = ((box.right - box.left) * pixel, (box.bottom - box.top) * pixel)
    colour, style = (ORANGE, "-") if box.is_predicted else (SKY, "--")
    outline = Rectangle(corner, *size, fill=False, edgecolor=colour, linestyle=style, linewidth=1.2)
    axes.add_patch(outline)
    if box.label:
        # Above small boxes, which it would cover, unless it then left the image.
        is_above = size[1] < LABEL and corner[1] - top > LABEL
        is_last = corner[0] - left > 1 - 2 * LABEL
        axes.text(
            corner[0] + size[0] * is_last,
            corner[1],
            shorten(box.label, LABEL_LETTERS),
            fontsize=5.5,
            color="white",
            ha="right" if is_last else "left",
            va="bottom" if is_above else "top",
            bbox={"facecolor": colour, "edgecolor": "none", "pad": 0.8, "alpha": 0.85},
        )


def _mosaic(panels: Array, *, columns: int) -> Array:
    """Lay panels [n, H, W] out in rows, with lines of NaN between them."""
    columns = min(columns, len(panels))
    line = max(1, round(panels.shape[2] / 20))
    missing = -len(panels) % columns
    framed = np.pad(
        panels, ((0, missing), (0, line), (0, line)), constant_values=np.float32(np.nan)
    )
    tiles = framed.reshape(-1, columns, *framed.shape[1:])
    rows = tiles.transpose(0, 2, 1, 3).reshape(-1, columns * framed.shape[2])
    return np.pad(rows, ((line, 0), (line, 0)), constant_values=np.float32(np.nan))
