"""New connections that wait to be served, in turns of those who sent them."""

from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class FairQueue(Generic[T]):
    """A queue in which the senders take turns; of each sender, who came first goes first.

    If it is full, the longest line loses its oldest: a flood displaces nothing but itself.
    Source: J. Nagle, On Packet Switches with Infinite Storage, RFC 970; the rule for what is
    dropped is that of P. McKenney, Stochastic Fairness Queueing, INFOCOM 1990.

    Args:
        most: how many may wait.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lines: dict[object, deque[T]] = {}
        """By sender, whose turn is next first."""
        self._length = 0

    def __len__(self) -> int:
        """How many wait."""
        return self._length

    def put(self, sender: object, item: T) -> T | None:
        """Let an item wait; returns the one that is dropped for it, if the queue is full."""
        self._lines.setdefault(sender, deque()).append(item)
        self._length += 1
        if self._length <= self._most:
            return None
        longest = max(self._lines, key=lambda one: len(self._lines[one]))
        return self._next_of(longest)

    def take(self) -> T:
        """Return the item whose turn it is.

        Raises:
            IndexError: none waits.
        """
        if not self._lines:
            raise IndexError("nothing waits")
        sender = next(iter(self._lines))
        item = self._next_of(sender)
        if sender in self._lines:
            self._lines[sender] = self._lines.pop(sender)
        return item

    def _next_of(self, sender: object) -> T:
        line = self._lines[sender]
        item = line.popleft()
        self._length -= 1
        if not line:
            del self._lines[sender]
        return item
