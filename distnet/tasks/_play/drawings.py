"""Drawings of environments: gymnasium's own need packages that distnet does without."""

from collections.abc import Callable
from math import cos, sin

import numpy as np
from PIL import Image, ImageDraw

from distnet.tasks._play.frames import Frame, Picture

WIDTH, HEIGHT, GROUND = 180, 120, 92
METRE = 34
"""Pixels; the track is 4.8 m wide."""
POLE = 56
"""Pixels: drawn longer than to scale, to be seen."""
PAPER, INK, WOOD = (255, 255, 255), (40, 40, 40), (200, 120, 40)


def _cart_pole(frame: Frame) -> Picture:
    """The cart on its track, and the pole on it."""
    image = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    draw = ImageDraw.Draw(image)
    x, angle = WIDTH / 2 + METRE * float(frame[0]), float(frame[2])
    tip = (x + POLE * sin(angle), GROUND - 10 - POLE * cos(angle))
    draw.line([(0, GROUND), (WIDTH, GROUND)], fill=INK)
    draw.rectangle([x - 16, GROUND - 10, x + 16, GROUND + 4], fill=INK)
    draw.line([(x, GROUND - 10), tip], fill=WOOD, width=5)
    return np.ascontiguousarray(np.moveaxis(np.asarray(image), -1, 0))


DRAWINGS: dict[str, Callable[[Frame], Picture]] = {"CartPole": _cart_pole}
"""By the name of the environment, without its version."""
