"""Counts with their noun, for messages."""


def counted(count: float, noun: str) -> str:
    """Format a count with its noun: `1 worker`, `2 workers`, `1,000 CPUs`, `0.5 CPUs`."""
    number = f"{count:,.0f}" if float(count).is_integer() else f"{count:.4g}"
    return f"{number} {noun}{'' if count == 1 else 's'}"
