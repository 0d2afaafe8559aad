"""Digits drawn as a hand with a mouse draws them: a few strokes of a round pen, with wobble."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

# Each digit as strokes of points (x, y) in a box 1 high, y downwards; the pen goes smoothly from
# point to point.
STROKES: dict[int, list[list[tuple[float, float]]]] = {
    0: [[(0.35, 0), (0.1, 0.2), (0.03, 0.5), (0.12, 0.85), (0.35, 1), (0.58, 0.83), (0.66, 0.5),
         (0.58, 0.17), (0.35, 0)]],
    1: [[(0.1, 0.22), (0.3, 0), (0.3, 0.5), (0.3, 1)]],
    2: [[(0.05, 0.25), (0.18, 0.05), (0.4, 0), (0.6, 0.12), (0.6, 0.33), (0.38, 0.65), (0.05, 1)],
        [(0.05, 1), (0.35, 0.99), (0.68, 1)]],
    3: [[(0.05, 0.1), (0.32, 0), (0.56, 0.12), (0.54, 0.35), (0.25, 0.47)],
        [(0.25, 0.47), (0.56, 0.55), (0.63, 0.8), (0.4, 1), (0.03, 0.92)]],
    4: [[(0.38, 0), (0.2, 0.33), (0.02, 0.62)], [(0.02, 0.62), (0.35, 0.62), (0.7, 0.61)],
        [(0.5, 0.3), (0.5, 0.65), (0.49, 1)]],
    5: [[(0.6, 0), (0.35, 0.01), (0.12, 0.01)], [(0.12, 0.01), (0.1, 0.2), (0.08, 0.42)],
        [(0.08, 0.42), (0.35, 0.36), (0.6, 0.55), (0.6, 0.82), (0.35, 1), (0.03, 0.92)]],
    6: [[(0.52, 0), (0.25, 0.2), (0.07, 0.52), (0.08, 0.82), (0.3, 1), (0.55, 0.88), (0.58, 0.65),
         (0.38, 0.5), (0.12, 0.65)]],
    7: [[(0.02, 0.02), (0.3, 0.01), (0.62, 0.02)], [(0.62, 0.02), (0.42, 0.45), (0.22, 1)]],
    8: [[(0.33, 0.47), (0.1, 0.28), (0.12, 0.08), (0.33, 0), (0.55, 0.08), (0.56, 0.28),
         (0.33, 0.47), (0.08, 0.7), (0.1, 0.92), (0.33, 1), (0.58, 0.9), (0.58, 0.7),
         (0.33, 0.47)]],
    9: [[(0.55, 0.15), (0.32, 0), (0.08, 0.14), (0.08, 0.38), (0.3, 0.5), (0.53, 0.38),
         (0.56, 0.12), (0.56, 0.5), (0.48, 1)]],
}  # fmt: skip


@dataclass(frozen=True)
class Drawing:
    """How a digit is drawn: `seed` moves the hand, sizes are parts of the image's side."""

    digit: int
    seed: int = 0
    side: int = 140
    height: float = 0.7
    middle: tuple[float, float] = (0.5, 0.5)
    pen: float = 0.08
    ink: tuple[int, ...] | int = 0
    paper: tuple[int, ...] | int = 255
    mode: str = "L"

    def picture(self) -> Image.Image:
        """Draw it twice as large, and make it smaller for soft edges."""
        large = self.side * 2
        picture = Image.new(self.mode, (large, large), self.paper)
        brush = ImageDraw.Draw(picture)
        radius = max(1, self.pen * self.height * large / 2)
        for points in self._strokes(large):
            brush.line(points, fill=self.ink, width=round(2 * radius), joint="curve")
            for x, y in points:
                brush.ellipse((x - radius, y - radius, x + radius, y + radius), fill=self.ink)
        return picture.resize((self.side, self.side), Image.Resampling.BOX)

    def _strokes(self, side: int) -> list[list[tuple[float, float]]]:
        hand = np.random.default_rng([self.digit, self.seed])
        slant, stretch = hand.normal(0, 0.08), hand.normal(1, 0.08)
        strokes = []
        for stroke in STROKES[self.digit]:
            points = np.array(stroke) + hand.normal(0, 0.012, (len(stroke), 2))
            points = smooth(points) - [0.33, 0.5]
            points[:, 0] = points[:, 0] * stretch - slant * points[:, 1]
            placed = (points * self.height + self.middle) * side
            strokes.append([(float(x), float(y)) for x, y in placed])
        return strokes


def smooth(points: np.ndarray, steps: int = 12) -> np.ndarray:
    """Lay a Catmull-Rom spline through points [n, 2]."""
    padded = np.concatenate([points[:1], points, points[-1:]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    parts = []
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        cubic = 2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2
        parts.append((cubic + (3 * b - a - 3 * c + d) * t**3) / 2)
    return np.concatenate([*parts, points[-1:]])
