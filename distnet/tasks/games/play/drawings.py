"""Drawings of environments: gymnasium's own need packages that distnet does without."""

from collections.abc import Callable
from math import cos, sin

import numpy as np
from PIL import Image, ImageDraw

from distnet.tasks.games.play.frames import Frame, Picture

WIDTH, HEIGHT, GROUND = 180, 120, 100
METRE = 34
"""Pixels; the track is 4.8 m wide."""
POLE = 64
"""Pixels: drawn longer than to scale, to be seen."""
FINER = 4
"""Drawn this many times as large, then made smaller, so that edges are smooth."""
PAPER, INK, WOOD = (255, 255, 255), (40, 40, 40), (200, 120, 40)


def _cart_pole(frame: Frame) -> Picture:
    """The cart on its track, and the pole on it."""
    image = Image.new("RGB", (FINER * WIDTH, FINER * HEIGHT), PAPER)
    draw = ImageDraw.Draw(image)
    x, angle, ground = FINER * (WIDTH / 2 + METRE * frame[0]), float(frame[2]), FINER * GROUND
    foot = (x, ground - 10 * FINER)
    tip = (x + FINER * POLE * sin(angle), foot[1] - FINER * POLE * cos(angle))
    draw.line([(0, ground), (FINER * WIDTH, ground)], fill=INK, width=FINER)
    draw.rectangle([x - 16 * FINER, foot[1], x + 16 * FINER, ground + 4 * FINER], fill=INK)
    draw.line([foot, tip], fill=WOOD, width=5 * FINER)
    small = image.resize((WIDTH, HEIGHT), Image.Resampling.BOX)
    return np.ascontiguousarray(np.moveaxis(np.asarray(small), -1, 0))


DRAWINGS: dict[str, Callable[[Frame], Picture]] = {"CartPole": _cart_pole}
"""By the name of the environment, without its version."""
