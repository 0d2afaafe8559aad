"""The first fault of a value that pydantic refuses, in plain words."""

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from distnet.spec.reading.validation import first_damage, first_fault


class Point(BaseModel):
    x: float
    names: tuple[str, ...] = ()


def refused(value: object) -> ValidationError:
    with pytest.raises(ValidationError) as raised:
        Point.model_validate(value)
    return raised.value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"x": "far"}, "plan.x: found text 'far', expected a number"),
        ({"x": 1, "names": ["a", 2]}, "plan.names.1: found 2, expected text"),
        ({}, "plan.x: found nothing, expected a value"),
        ([], "plan: found a list of 0, expected a section"),
    ],
)
def test_the_damage_of_a_file_is_named_with_its_key(value: object, text: str) -> None:
    assert first_damage(refused(value), "plan") == text


def test_damage_without_a_key_is_at_the_top() -> None:
    assert first_damage(refused(3)) == "the top: found 3, expected a section"


def test_text_that_is_not_json_is_named_as_such() -> None:
    with pytest.raises(ValidationError) as raised:
        TypeAdapter(Point).validate_json("{")

    assert first_fault(raised.value).startswith("invalid JSON: EOF while parsing")


def test_an_option_is_written_as_it_was_typed() -> None:
    assert first_fault(refused({"x": "far"}), is_text=True) == "found far, expected a number"
