"""A value of a job file on one line, as YAML has it."""

from collections.abc import Mapping


def value_text(value: object) -> str:
    """Write `0.01`, `adam`, `true`, `[16, 16]`, `{kind: sgd}`; numbers are not rounded."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(value_text, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {value_text(each)}' for key, each in value.items())}}}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)
