"""Pictures of a game at about equal distances, of which there are never too many."""

from distnet.tasks.games.play.frames import Picture

FINER = 4
"""As many pictures are kept for each that is shown, at least, so that distances are alike."""


class Film:
    """Keeps every n-th picture, and the last; of twice too many, every second one goes.

    Args:
        most: how many are shown.
    """

    def __init__(self, most: int) -> None:
        self._most, self._every, self._num_seen = most, 1, 0
        self._kept: list[tuple[Picture, int, float]] = []
        self._last: tuple[Picture, int, float] | None = None

    def add(self, picture: Picture, returned: float) -> None:
        """Add a picture, and the return at that time."""
        self._last = picture, self._num_seen, returned
        if self._num_seen % self._every == 0:
            self._kept.append(self._last)
        self._num_seen += 1
        if len(self._kept) == 2 * FINER * self._most:
            self._kept, self._every = self._kept[::2], 2 * self._every

    def shown(self) -> tuple[list[Picture], tuple[str, ...]]:
        """The pictures, the first and the last among them, and a caption for each."""
        kept = [*self._kept[:-1], self._last] if self._last is not None else []
        count, last = min(self._most, len(kept)), len(kept) - 1
        shown = [kept[round(index * last / max(1, count - 1))] for index in range(count)]
        captions = tuple(f"move {move:,}\nreturn {returned:g}" for _, move, returned in shown)
        return [picture for picture, _, _ in shown], captions
