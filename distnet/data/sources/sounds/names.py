"""What the names of files say: `7_theo_3.wav` by the pattern `{class}_{speaker}_{take}`."""

import re
from pathlib import PurePosixPath

from distnet.data.sources.files.tree import Parts
from distnet.errors import DataError

CLASS = "class"
_PART = re.compile(r"\{([^{}]*)\}")
_RESERVED = ("x", "y")
"""Names of fields that every dataset for classification has."""


class NamePattern:
    """Reads the parts of a file's name.

    No part holds a character that stands between the parts, so a name is read in one way. A
    pattern with slashes reads the last folders as well: `{speaker}/{class}/{take}`.

    Args:
        text: parts in braces, one of which is `{class}`, and the text between them.

    Raises:
        DataError: the pattern cannot be used.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.parts = tuple(_PART.findall(text))
        between = _PART.split(text)[::2]
        self._check(between)
        marks = re.escape("".join({*"/", *"".join(between)}))
        pieces = [re.escape(literal) for literal in between]
        groups = [f"(?P<{part}>[^{marks}]+)" for part in self.parts]
        joined = (piece + group for piece, group in zip(pieces, [*groups, ""], strict=True))
        self._pattern = re.compile("".join(joined))
        self._depth = text.count("/") + 1

    def read(self, path: Parts) -> dict[str, str] | None:
        """The parts of a path below the source; None where it does not fit."""
        *folders, name = path[-self._depth :]
        found = self._pattern.fullmatch("/".join([*folders, PurePosixPath(name).stem]))
        return None if found is None else found.groupdict()

    def _check(self, between: list[str]) -> None:
        if self.parts.count(CLASS) != 1:
            raise DataError(
                f"--names {self.text!r}: found {self.parts.count(CLASS)} parts {{class}}, expected "
                "one, as in '{class}_{speaker}_{take}'"
            )
        for part in self.parts:
            if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", part) or part in _RESERVED:
                raise DataError(
                    f"--names {self.text!r}: found the part {part!r}, expected a name of letters, "
                    "digits and _, other than x and y"
                )
            if self.parts.count(part) > 1:
                raise DataError(f"--names {self.text!r}: found the part {part!r} twice")
        if not all(between[1:-1]):
            raise DataError(
                f"--names {self.text!r}: found two parts with nothing between them, expected text "
                "that marks where one ends, as in '{class}_{speaker}'"
            )


class Holdout:
    """Which recordings are for the test, by one part of their names: `speaker=theo,lucas`.

    Raises:
        DataError: it names no part, or one that the pattern lacks.
    """

    def __init__(self, text: str, parts: tuple[str, ...]) -> None:
        self.part, equals, values = text.partition("=")
        self.values = {value.strip() for value in values.split(",")} - {""}
        self._text = text
        if not equals or not self.values:
            raise DataError(f"{self}: expected a part and its values, as in take=0,1,2")
        if self.part not in parts:
            raise DataError(
                f"{self}: found no part {self.part!r} in the names; there are: "
                f"{', '.join(parts) or 'none; set them with --names'}"
            )

    def __str__(self) -> str:
        return f"--test {self._text!r}"

    def check(self, found: set[str]) -> None:
        """Check that each of its values occurs.

        Raises:
            DataError: one does not, or all recordings would be for the test.
        """
        if missing := sorted(self.values - found):
            raise DataError(
                f"{self}: found no file whose {self.part} is {missing[0]!r}; there "
                f"are: {', '.join(sorted(found)[:20])}"
            )
        if self.values == found:
            raise DataError(f"{self}: leaves no recording to learn from")
