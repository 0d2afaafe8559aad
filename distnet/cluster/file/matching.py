"""Limits of values whose errors say what is expected in words: a pattern by an example."""

import re
from collections.abc import Sized

from pydantic import AfterValidator, BeforeValidator


def matching(pattern: str, expected: str) -> AfterValidator:
    """Make the annotation of a text that matches `pattern` as a whole."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"expected {expected}")
        return text

    return AfterValidator(check)


def not_empty(what: str) -> BeforeValidator:
    """Make the annotation of a list or section that is not empty.

    It looks at the value before its items are validated: pydantic counts the valid ones only.
    """

    def check(value: object) -> object:
        if isinstance(value, Sized) and not isinstance(value, str) and len(value) == 0:
            raise ValueError(f"found none, expected at least one {what}")
        return value

    return BeforeValidator(check)


def at_least(smallest: int, written: str) -> AfterValidator:
    """Make the annotation of a number with a minimum that has a unit."""

    def check(number: int) -> int:
        if number < smallest:
            raise ValueError(f"expected at least {written}")
        return number

    return AfterValidator(check)
