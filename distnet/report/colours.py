"""The colours of series and of classes in masks.

They are from Okabe and Ito's colour-blind safe palette, at a lightness that contrasts with white
and with near-black.

Source: https://jfly.uni-koeln.de/color/
"""

import numpy as np
from numpy.typing import NDArray

BLUE, ORANGE, GREEN, PURPLE, SKY, RED = (
    "#2a7fc1",
    "#d9822b",
    "#0f9d76",
    "#b5659a",
    "#56b4e9",
    "#d5604a",
)
SERIES = (BLUE, ORANGE, GREEN, PURPLE, SKY, RED)
CLASSES = (*SERIES, "#e3c22b", "#6f4fa0", "#8c6d4f", "#12b5b0", "#a3b18a", "#f29ab5")
"""Of the classes 1, 2, ... of masks, which are often more than the lines of a plot."""


def class_colours(count: int) -> NDArray[np.uint8]:
    """The colours of the classes of a mask, [count, 3]; class 0 is black."""
    codes = ("#000000", *(CLASSES[index % len(CLASSES)] for index in range(count - 1)))
    return np.array([[int(code[i : i + 2], 16) for i in (1, 3, 5)] for code in codes], np.uint8)
