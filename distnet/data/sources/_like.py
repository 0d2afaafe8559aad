"""Read data like that of another dataset: with its tokens, classes and sizes.

A network that was trained on the other dataset can then be evaluated on this one: the same text is
the same tokens, and the same label is the same class. A source that takes `like`, the fields of the
other dataset, uses what it needs of them; others get their options from here.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from distnet.data.column import Array
from distnet.data.fields._tokenizers import UNKNOWN
from distnet.data.fields.field import Field
from distnet.data.fields.image import ImageField
from distnet.data.fields.tokens import TokensField
from distnet.data.survey.summary import Findings
from distnet.errors import DataError
from distnet.spec.plural import listed

MOST_NAMES = 20
OPTION = "like"
DECIDED = ("category", "classes", "colours", "size", "target_kind", "tokenizer", "vocabulary")
"""The options that a user cannot set beside it."""
TARGET = "y"
Like = Mapping[str, Field]
"""The fields of the other dataset."""


def options_like(like: Like) -> dict[str, Any]:
    """The options of a source that make its samples as those of the other dataset."""
    x, y = like.get("x"), like.get(TARGET)
    named = (field.classes for field in like.values() if field.classes)
    options: dict[str, Any] = {OPTION: like, "classes": next(named, ())}
    if y is not None and y.kind in ("class", "number"):
        options["target_kind"] = y.kind
    if isinstance(x, ImageField):
        options["colours"] = "grey" if x.shape[0] == 1 else "rgb"
        options["size"] = x.shape[1:] or None
    return options


def tokens_like(like: Like | None, name: str) -> TokensField | None:
    """The tokens of a field of the other dataset; None where it has none."""
    field = (like or {}).get(name)
    if type(field) is not TokensField or field.shape or not field.vocabulary:
        return None
    return TokensField(tokenizer=field.tokenizer, vocabulary=field.vocabulary, merges=field.merges)


def report_unknown(field: TokensField, samples: Sequence[Array], findings: Findings) -> None:
    """Report what the other dataset has no token for."""
    if UNKNOWN in field.vocabulary:
        unknown = field.vocabulary.index(UNKNOWN)
        num_unknown = sum(int((sample == unknown).sum()) for sample in samples)
        why = "the other dataset has no tokens for them"
        if num_unknown:
            findings.guessed("parts of texts", f"read as {UNKNOWN}", why, count=num_unknown)


def classes_like(like: Like | None) -> tuple[str, ...]:
    """The classes that are learned in the other dataset; empty where it has none."""
    return like[TARGET].classes if like is not None and TARGET in like else ()


def check_like(path: Path, found: Like, like: Like) -> None:
    """Check that what was read has the form of the other dataset.

    Raises:
        DataError: a field is missing, or is of another form.
    """
    for name, field in like.items():
        if name not in found:
            raise DataError(
                f"{path}: --like needs the field {name}, which the other dataset has; found: "
                f"{', '.join(found)}"
            )
        differ = found[name].unlike(field)
        if differ is None and name == TARGET and found[name].classes != field.classes:
            has, needs = (listed(each.classes, MOST_NAMES) for each in (found[name], field))
            differ = f"of the classes {has}", needs
        if differ is not None:
            raise DataError(
                f"{path}: --like: the field {name} is {differ[0]}, but in the other dataset "
                f"{differ[1]}; import it without --like, or give files of the same form"
            )
