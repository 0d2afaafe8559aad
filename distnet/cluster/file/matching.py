"""Texts that match a pattern; the error shows an example instead of the pattern."""

import re

from pydantic import AfterValidator


def matching(pattern: str, expected: str) -> AfterValidator:
    """Make the annotation of a text that matches `pattern` as a whole."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"expected {expected}")
        return text

    return AfterValidator(check)
