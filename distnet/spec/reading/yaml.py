"""Read YAML 1.2, and remember the line of every key.

PyYAML parses the syntax; `scalars.py` gives unquoted words their values. What makes files hard to
read or dangerous to load is refused: anchors, aliases, merge keys, tags, duplicate keys, unbounded
depth and size.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import yaml
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from distnet.spec.reading.faults import Fault, FaultsError, Key, shortened
from distnet.spec.reading.scalars import plain

Value: TypeAlias = "None | bool | int | float | str | tuple[Value, ...] | dict[str, Value]"

MAX_BYTES = 256_000
MAX_VALUES = 100_000
"""Keys and items; a job file has fewer (`read.py`). Building one takes about 20 microseconds."""
MAX_DEPTH = 20
FORBIDDEN = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

EXPLANATIONS = (
    ("mapping values are not allowed", "found a `:` where none is allowed; put text with `: ` in "
     "quotes, and begin the keys of one section in the same column"),
    (r"'\t' that cannot start", "found a tab, expected spaces"),
    ("could not find expected ':'", "found a line without `:`, expected `key: value`"),
    ("expected <block end>", "found a line with another indentation, expected that of its "
     "neighbours"),
    ("expected ',' or ']'", "found a list that is not closed, expected `,` or `]`"),
    ("expected ',' or '}'", "found a section that is not closed, expected `,` or `}`"),
    ("found unexpected end of stream", "found text whose quote is never closed"),
    ("cannot start any token", "found a character that is special in YAML, expected text with it "
     "in quotes"),
    ("<document start>", "found more after the end of the job, expected nothing"),
    ("expected the node content", "found no value, expected one"),
)  # fmt: skip


@dataclass(frozen=True)
class Document:
    """The value of a YAML text, and the line of every key and list item, from 1."""

    value: Value
    lines: dict[Key, int]


def decode(data: bytes) -> str:
    """Turn the bytes of a file into text.

    Raises:
        FaultsError: there are too many, or they are not UTF-8.
    """
    if len(data) > MAX_BYTES:
        raise _one_fault(1, f"found a file over {MAX_BYTES // 1000} kB, expected a small text file")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        wrong = f"found byte 0x{data[error.start]:02x}, expected text in UTF-8"
        raise _one_fault(line, wrong) from None


def read_yaml(text: str, *, max_values: int = MAX_VALUES) -> Document:
    """Read one YAML document with at most `max_values` keys and items; lists become tuples.

    Raises:
        FaultsError: the text is not YAML, or uses what job files may not use.
    """
    forbidden = FORBIDDEN.search(text)
    if forbidden is not None:
        line = text.count("\n", 0, forbidden.start()) + 1
        raise _one_fault(line, _control_character(forbidden[0]))
    reader = _Reader(text, max_values)
    value = reader.document()
    if reader.faults:
        raise FaultsError(reader.faults)
    return Document(value, reader.lines)


class _Reader:
    """Builds a value from parser events, and collects lines and faults."""

    def __init__(self, text: str, max_values: int) -> None:
        self._max_values = max_values
        self.lines: dict[Key, int] = {(): 1}
        self.faults: list[Fault] = []
        self._events = _events(text)

    def document(self) -> Value:
        """Build the only document of the stream; None if there is none."""
        self._expect(StreamStartEvent)
        start = next(self._events)
        if isinstance(start, StreamEndEvent):
            return None
        self._check_directives(start)
        value = self._value(next(self._events), ())
        self._expect(DocumentEndEvent)
        after = next(self._events)
        if not isinstance(after, StreamEndEvent):
            raise _one_fault(_line(after), "found a second document (`---`), expected one")
        return value

    def _expect(self, kind: type[Event]) -> None:
        event = next(self._events)
        assert isinstance(event, kind), event

    def _check_directives(self, start: Event) -> None:
        assert isinstance(start, DocumentStartEvent), start
        if start.version not in (None, (1, 2)):
            self._fault(start, (), "found a directive for YAML 1.1, expected YAML 1.2")

    def _value(self, event: Event, key: Key) -> Value:
        self._check_node(event, key)
        match event:
            case ScalarEvent():
                return self._scalar(event, key)
            case SequenceStartEvent():
                return self._sequence(key)
            case MappingStartEvent():
                return self._mapping(key)
        return None  # an alias: a fault already

    def _check_node(self, event: Event, key: Key) -> None:
        assert isinstance(event, NodeEvent), event
        if len(key) > MAX_DEPTH:
            wrong = f"found over {MAX_DEPTH} levels of nesting, expected fewer"
            raise FaultsError([Fault(key[:1], wrong, _line(event))])
        if isinstance(event, AliasEvent):
            self._fault(event, key, f"found alias `*{event.anchor}`, expected the value itself")
        elif event.anchor is not None:
            self._fault(event, key, f"found anchor `&{event.anchor}`, expected none")
        tag: str | None = getattr(event, "tag", None)
        if tag is not None:
            self._fault(event, key, f"found tag `{shortened(tag)}`, expected none")

    def _scalar(self, event: ScalarEvent, key: Key) -> Value:
        text: str = event.value
        if forbidden := FORBIDDEN.search(text):  # written as an escape
            self._fault(event, key, _control_character(forbidden[0]))
        try:
            return plain(text) if event.implicit[0] else text
        except ValueError as error:
            self._fault(event, key, str(error))
            return None

    def _sequence(self, key: Key) -> Value:
        items: list[Value] = []
        while not isinstance(event := next(self._events), SequenceEndEvent):
            item_key = (*key, len(items))
            self._count(event)
            self.lines[item_key] = _line(event)
            items.append(self._value(event, item_key))
        return tuple(items)

    def _mapping(self, key: Key) -> Value:
        values: dict[str, Value] = {}
        while not isinstance(event := next(self._events), MappingEndEvent):
            self._count(event)
            name = self._name(event, key)
            own_key = (*key, name)
            if name in values:
                first = self.lines[own_key]
                self._fault(event, own_key, f"found the key twice, first in line {first}")
            self.lines[own_key] = _line(event)
            values[name] = self._value(next(self._events), own_key)
        return values

    def _name(self, event: Event, key: Key) -> str:
        if not isinstance(event, ScalarEvent):
            wrong = "found an alias, a list or a section as a key, expected text"
            raise FaultsError([Fault(key, wrong, _line(event))])
        self._check_node(event, key)
        name = self._scalar(event, key)
        if not isinstance(name, str):
            self._fault(event, key, f"found key `{shortened(event.value)}`, expected text as key")
        elif name == "<<" and event.implicit[0]:
            self._fault(event, key, "found merge key `<<`, expected the keys themselves")
        return str(event.value)

    def _count(self, event: Event) -> None:
        """Stop reading what is too much, before it is built."""
        if len(self.lines) + len(self.faults) > self._max_values:
            wrong = f"found over {self._max_values:,} keys and items, expected fewer"
            raise _one_fault(_line(event), wrong)

    def _fault(self, event: Event, key: Key, message: str) -> None:
        self.faults.append(Fault(key, message, _line(event)))


def _events(text: str) -> Iterator[Event]:
    loader = yaml.SafeLoader(text)
    try:
        while loader.check_event():
            yield loader.get_event()  # type: ignore[no-untyped-call]
    except (ValueError, OverflowError):  # PyYAML does not bound escapes and versions
        wrong = "found an escape or a version that does not exist"
        raise _one_fault(loader.line + 1, wrong) from None
    except yaml.MarkedYAMLError as error:
        problem = str(error.problem)
        # What is never closed is best located where it was opened.
        is_open = "end of stream" in problem or "expected ','" in problem
        opened = error.context_mark if is_open else None
        mark = opened or error.problem_mark or error.context_mark
        raise _one_fault(1 if mark is None else mark.line + 1, _explain(problem)) from None


def _explain(problem: str) -> str:
    for start, words in EXPLANATIONS:
        if start in problem:
            return words
    return f"found what is not YAML: {problem}"


def _control_character(letter: str) -> str:
    return f"found control character U+{ord(letter):04X}, expected text"


def _one_fault(line: int, message: str) -> FaultsError:
    return FaultsError([Fault((), message, line)])


def _line(event: Event) -> int:
    return 1 if event.start_mark is None else event.start_mark.line + 1
