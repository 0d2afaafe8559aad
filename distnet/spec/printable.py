"""Names and texts of users, made safe to print: what cannot be seen is written as an escape.

A control character could move the cursor, colour or hide the rest of a line, or forge another
line; a bidirectional control could show a name in another order. They are shown, not removed, so
that two names that differ look different.
"""

import re
import shlex

INVISIBLE = re.compile(
    r"[\x00-\x1f\x7f-\x9f"  # C0, DEL, C1
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidirectional controls
    r"\u00ad\u200b\u2028\u2029\u2060\ufeff"  # without a width, and other ends of lines
    r"\ud800-\udfff]"  # halves of pairs, as in file names that are not UTF-8
)
KEPT_IN_LINES = "\n\t"


def printable(text: object) -> str:
    r"""Write text on one line: a line feed as `\n`, an escape as `\x1b`."""
    return INVISIBLE.sub(lambda match: _escaped(match[0]), str(text))


def printable_lines(text: object) -> str:
    """Write text of several lines: line feeds and tabs stay as they are."""
    return INVISIBLE.sub(lambda m: m[0] if m[0] in KEPT_IN_LINES else _escaped(m[0]), str(text))


def argument(path: object) -> str:
    """Write a path as the argument of a command, so that the command can be copied to a shell."""
    text = str(path)
    return shlex.quote(f"./{text}" if text.startswith("-") else text)


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode()
