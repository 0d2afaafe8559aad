"""Texts of a user as the tokens that a network learned from."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from distnet.data.column import Array, Column, RaggedArray
from distnet.data.fields.field import Field
from distnet.data.fields.tokens import TokensField
from distnet.data.sources.texts.utf8 import is_unicode, read_lines
from distnet.errors import DataError


def encode_texts(
    field: Field, texts: Column | Sequence[str], location: Callable[[int], str] = "text {}".format
) -> Column:
    """Turn texts into tokens; samples that are none stay as they are.

    Args:
        field: what the network learned from.
        texts: any number; one alone may be given as it is.
        location: where text n (from 1) stands, for messages.

    Raises:
        DataError: the network did not learn from texts, a text is empty, or has a character that
            the vocabulary lacks.
    """
    if isinstance(texts, np.ndarray | RaggedArray):
        return texts
    if not isinstance(field, TokensField) or field.shape or not field.vocabulary:
        raise DataError(
            f"found texts, but the network learned from a field of kind {field.kind}; give files"
        )
    tokens: list[Array] = []
    for number, text in enumerate([texts] if isinstance(texts, str) else texts, start=1):
        if not is_unicode(text):
            raise DataError(f"{location(number)}: found bytes that are not UTF-8; encode it so")
        try:
            tokens.append(field.encode(text))
        except KeyError as error:
            raise DataError(
                f"{location(number)}: found the character {error.args[0]!r}, not one of the "
                f"{len(field.vocabulary)} of the vocabulary; remove it"
            ) from None
        if not len(tokens[-1]):
            raise DataError(f"{location(number)}: found {text!r}, expected a text with words")
    if not tokens:
        return RaggedArray(np.zeros(0, np.int32), np.zeros(0, np.int64))
    return RaggedArray.of(tokens)


def read_texts(path: Path) -> list[str]:
    """The texts of a file, one a line.

    Raises:
        DataError: it cannot be read, is not UTF-8, has no texts, or has an empty line.
    """
    lines = [line.rstrip("\r\n") for line in read_lines(path)]
    if not lines:
        raise DataError(f"{path}: found an empty file, expected a text in each line")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            raise DataError(f"{path}:{number}: found an empty line, expected a text in each line")
    return lines
