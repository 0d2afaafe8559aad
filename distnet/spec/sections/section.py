"""Types of the job file's sections: frozen models, names, numbers with limits."""

import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

NAME = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
FOLD = r"^([1-9][0-9]{0,2})/([1-9][0-9]{0,2})$"
NAMED = "up to 63 lower-case letters, digits and dashes, as in digits-2"


def _named(text: str) -> str:
    if not re.fullmatch(NAME, text):
        raise ValueError(f"expected {NAMED}")
    return text


def _fold(text: str) -> str:
    found = re.fullmatch(FOLD, text)
    if found is None or not 1 <= int(found[1]) <= int(found[2]) or int(found[2]) < 2:
        raise ValueError("expected the number of a fold and their count, as in 2/5")
    return text


OWN = "./file.py:Class"
"""How a kind of one's own is written."""
OwnKind = Annotated[str, Field(json_schema_extra={"pattern": r"\.py:[A-Za-z_]\w*$"})]
Name = Annotated[str, AfterValidator(_named), Field(json_schema_extra={"pattern": NAME})]
Fold = Annotated[str, AfterValidator(_fold), Field(json_schema_extra={"pattern": FOLD})]
PositiveInt = Annotated[int, Field(gt=0, lt=2**31)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegativeFloat = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]


def is_own_kind(kind: str) -> bool:
    """Whether a kind names a user's own class, as `./mynet.py:MyNet` does."""
    return ".py" in kind or "/" in kind


def form_of(first: str) -> Callable[[Any], str | None]:
    """Make what finds whether a part is the user's own or a shipped kind, by its `kind`.

    Args:
        first: the kind that says what is wrong with a value that is no section.
    """

    def form(value: Any) -> str | None:
        if not isinstance(value, dict | BaseModel):
            return first
        kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
        if not isinstance(kind, str):
            return None
        return OWN if is_own_kind(kind) else kind

    return form


class Section(BaseModel):
    """A frozen section of the job file; unknown keys are faults."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True
    )


class Part(BaseModel):
    """A network, a task or another part: its kind and the options of its constructor."""

    model_config = ConfigDict(
        frozen=True, extra="allow", strict=True, use_attribute_docstrings=True
    )

    kind: str
    """The name of a shipped part (`mlp`), or your own as `./file.py:Class`."""

    @property
    def options(self) -> dict[str, Any]:
        """Every key of the section except `kind`."""
        return dict(self.model_extra or {})


class OwnPart(Part):
    """A part that is always your own, and the options of its constructor."""

    kind: OwnKind
    """Your own class, as `./file.py:Class`."""

    @model_validator(mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        """A text is a kind without options."""
        return {"kind": value} if isinstance(value, str) else value
