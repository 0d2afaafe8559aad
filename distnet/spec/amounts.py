"""Amounts for messages: 1,234,567 bytes are `1.23 MB`."""

LARGER = ("kB", "MB", "GB", "TB")


def shown_bytes(num_bytes: float) -> str:
    """A number of bytes with three digits, and its unit."""
    if num_bytes < 1000:
        return f"{num_bytes:.0f} bytes"
    for unit in LARGER:
        num_bytes /= 1000
        if num_bytes < 999.5 or unit == LARGER[-1]:
            break
    return f"{num_bytes:.0f} {unit}" if num_bytes >= 99.95 else f"{num_bytes:.3g} {unit}"
