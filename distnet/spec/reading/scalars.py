"""The value of an unquoted word in YAML 1.2: `1e-3` is a number, `no` is text.

Source: YAML 1.2.2, section 10.3.2 (core schema), https://yaml.org/spec/1.2.2/.
"""

import re

MAX_DIGITS = 100

WORDS: dict[str, None | bool] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
DECIMAL = re.compile(r"[-+]?[0-9]+")
OCTAL_OR_HEX = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


def plain(text: str) -> None | bool | int | float | str:
    """Return the value of an unquoted word, by the core schema of YAML 1.2.

    Raises:
        ValueError: a whole number has too many digits.
    """
    if text in WORDS:
        return WORDS[text]
    if DECIMAL.fullmatch(text) or OCTAL_OR_HEX.fullmatch(text):
        if len(text) > MAX_DIGITS:
            raise ValueError(f"found a number of {len(text)} digits, expected at most {MAX_DIGITS}")
        return int(text, 10 if DECIMAL.fullmatch(text) else 0)
    if FLOAT.fullmatch(text):
        return float(text)
    if NOT_FINITE.fullmatch(text):
        return float(text.replace(".", ""))
    return text
