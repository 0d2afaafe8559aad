"""Print any text on any terminal: what its encoding lacks is replaced, never an error."""

import codecs
import sys
from io import TextIOWrapper

ERRORS = "distnet"
ASCII = "distnet_ascii"
"""ASCII under another name: Typer takes a stream of `ascii` for a mistake and writes UTF-8."""
ALIKE = {
    **{"…": "...", "→": "->", "·": ".", "–": "-", "—": "-", "×": "x", "•": "*"},
    **{"‘": "'", "’": "'", "“": '"', "”": '"'},
    # The bars of sparklines, and rich's bars, spinners and folded lines.
    **dict(zip("▁▂▃▄▅▆▇█", "_.-=+*%#", strict=True)),
    **dict.fromkeys("━╸╺", "-"),
    **dict.fromkeys("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "*"),
}
"""Characters of distnet's own texts, and ASCII that looks like them."""


def print_anything() -> None:
    """Let stdout and stderr take every text."""
    codecs.register_error(ERRORS, replaced)
    codecs.register(_find_ascii)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            is_ascii = codecs.lookup(stream.encoding).name == "ascii"
            stream.reconfigure(encoding=ASCII if is_ascii else None, errors=ERRORS)


def is_unicode(stream: object) -> bool:
    """Whether a stream can encode all characters."""
    encoding = getattr(stream, "encoding", None) or "ascii"
    return codecs.lookup(encoding).name.startswith("utf")


def replaced(error: UnicodeError) -> tuple[str, int]:
    """Replace characters by ones that look alike, or else by their escapes."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    pieces = [ALIKE.get(char) or char.encode("ascii", "backslashreplace").decode() for char in text]
    return "".join(pieces), error.end


def _find_ascii(name: str) -> codecs.CodecInfo | None:
    if name != ASCII:
        return None
    found = codecs.lookup("ascii")
    return codecs.CodecInfo(
        found.encode,
        found.decode,
        found.streamreader,
        found.streamwriter,
        found.incrementalencoder,
        found.incrementaldecoder,
        name=ASCII,
    )
