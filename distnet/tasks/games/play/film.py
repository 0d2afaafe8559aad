"""Pictures of a game at equal distances, of which there are never too many."""

from distnet.tasks.games.play.frames import Picture


class Film:
    """Keeps every n-th picture; when there are twice too many, every second of them goes.

    Args:
        most: how many are shown.
    """

    def __init__(self, most: int) -> None:
        self._most, self._every, self._num_seen = most, 1, 0
        self._kept: list[tuple[Picture, int, float]] = []

    def add(self, picture: Picture, returned: float) -> None:
        """Add a picture, and the return at that time."""
        if self._num_seen % self._every == 0:
            self._kept.append((picture, self._num_seen, returned))
        self._num_seen += 1
        if len(self._kept) == 2 * self._most:
            self._kept, self._every = self._kept[::2], 2 * self._every

    def shown(self) -> tuple[list[Picture], tuple[str, ...]]:
        """The pictures, and a caption for each."""
        count = min(self._most, len(self._kept))
        last = len(self._kept) - 1
        kept = [self._kept[index * last // max(1, count - 1)] for index in range(count)]
        captions = tuple(f"move {move:,}\nreturn {returned:g}" for _, move, returned in kept)
        return [picture for picture, _, _ in kept], captions
