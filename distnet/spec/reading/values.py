"""Cut a list on the command line at its outer commas: `16,[1,2],"a,b"` has three values."""

CLOSED_BY = {"[": "]", "{": "}"}
BEFORE_VALUE = ",[{:"
"""Inside brackets a quote opens a text only after one of these, as in YAML: `it's` has none."""
REMEDY = 'put text that has brackets, commas or a quote of its own in quotes, such as "a,b"'


class CutError(ValueError):
    """A list that cannot be cut: its message names the character, counted from 1."""


def split_values(text: str, begin: int = 0) -> list[str]:
    """Cut `text` from `begin` at the commas outside of brackets and quotes; values keep quotes.

    Raises:
        CutError: a value is empty, or a bracket or quote is not closed.
    """
    values, opened, at = list[str](), list[int](), begin
    while at < len(text):
        letter = text[at]
        if letter in "\"'" and _opens_text(text[begin:at], is_inside=bool(opened)):
            at = _end_of_quote(text, at)
        elif letter in CLOSED_BY:
            opened.append(at)
        elif letter in CLOSED_BY.values():
            _close(text, opened, at)
        elif letter == "," and not opened:
            values.append(_value(text, begin, at))
            begin = at + 1
        at += 1
    if opened:
        raise CutError(f"found {_at(text, opened[-1])} that is not closed; {REMEDY}")
    return [*values, _value(text, begin, len(text))]


def _opens_text(before: str, *, is_inside: bool) -> bool:
    """Whether a quote after `before`, the value so far, opens a text."""
    before = before.rstrip()
    return not before or (is_inside and before[-1] in BEFORE_VALUE)


def _end_of_quote(text: str, start: int) -> int:
    r"""The position of the closing quote: `\"` and `''` do not close."""
    quote, at = text[start], start + 1
    while at < len(text):
        if quote == '"' and text[at] == "\\":
            at += 2
        elif text[at] != quote:
            at += 1
        elif text[at : at + 2] == "''":
            at += 2
        else:
            return at
    raise CutError(f"found {_at(text, start)} that is not closed; {REMEDY}")


def _close(text: str, opened: list[int], at: int) -> None:
    if not opened:
        raise CutError(f"found {_at(text, at)} that closes nothing; {REMEDY}")
    start = opened.pop()
    if CLOSED_BY[text[start]] != text[at]:
        raise CutError(
            f"found {_at(text, at)}, expected `{CLOSED_BY[text[start]]}` for {_at(text, start)}"
        )


def _value(text: str, begin: int, end: int) -> str:
    value = text[begin:end].strip()
    if not value:
        raise CutError(f"found an empty value at character {begin + 1}, expected one")
    return value


def _at(text: str, at: int) -> str:
    return f"`{text[at]}` at character {at + 1}"
