"""How many workers a run may have."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """The workers that a run may have."""

    fewest: int
    most: int
    is_asked: bool = False
    """Somebody asked for just the most: a Ray of our own then has more workers than cores."""

    def asked_for(self, workers: int) -> "Size":
        """The size after somebody asked for `workers`: those, or what there is of them."""
        return Size(min(self.fewest, workers), workers, is_asked=True)
