"""Whether an OGG file has its end: libsndfile takes one that was cut off for a shorter one."""

from pathlib import Path

MARK = b"OggS"
HEADER, LARGEST_PAGE = 27, 65_307
"""Bytes of a page's header without its table of segments, and of the largest page."""
FLAGS, NUM_SEGMENTS = 5, 26
"""Where they stand in the header of a page (RFC 3533, section 6)."""
LAST_PAGE = 4


def has_end(file: Path) -> bool:
    """Whether the last page is whole, and says that it is the last one of its stream."""
    with file.open("rb") as opened:
        opened.seek(max(0, file.stat().st_size - LARGEST_PAGE))
        tail = opened.read()
    page = tail[tail.rfind(MARK) :] if MARK in tail else b""
    if len(page) < HEADER:
        return False
    segments = page[HEADER : HEADER + page[NUM_SEGMENTS]]
    length = HEADER + page[NUM_SEGMENTS] + sum(segments)
    return bool(page[FLAGS] & LAST_PAGE) and len(page) >= length
