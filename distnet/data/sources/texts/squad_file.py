"""Questions whose answers are parts of a text, as a file of SQuAD has them.

The object `data` > articles > `paragraphs`, each with its `context` > questions in `qas`, each with
`id`, `question` and `answers`, of which each has `text` and `answer_start`, counted in letters.
"""

import gzip
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from distnet.data.sources.files.json_file import read_json
from distnet.data.sources.files.unreadable import Unreadable
from distnet.data.sources.texts.utf8 import is_unicode
from distnet.data.survey.summary import Findings
from distnet.errors import DataError

SUFFIXES = (".json", ".json.gz")
FIRST_BYTES = 2**16
MOST_LETTERS = 40
_KINDS = {str: "a text", int: "a whole number", list: "a list", dict: "an object"}


class Question(NamedTuple):
    """One question and its answers, at least one."""

    location: str
    context: str
    question: str
    start: int
    stop: int
    """The letters of the context that are the first answer; the last one is exclusive."""
    answers: tuple[str, ...]
    """The texts of all, each as one line."""


class _FaultError(ValueError):
    """What is wrong with a paragraph or a question."""


def looks_like_squad(file: Path) -> bool:
    """Whether the beginning of a JSON file has paragraphs with a context."""
    if not file.name.lower().endswith(SUFFIXES):
        return False
    try:
        with (gzip.open if file.suffix == ".gz" else open)(file, "rb") as opened:
            first = opened.read(FIRST_BYTES)
    except (OSError, EOFError, zlib.error):
        return False
    return b'"paragraphs"' in first and b'"context"' in first


class SquadReader:
    """Reads files one after the other; the ids of questions must differ over all of them.

    Args:
        findings: of the import.
        unreadable: takes what is faulty.
    """

    def __init__(self, findings: Findings, unreadable: Unreadable) -> None:
        self._findings, self._unreadable = findings, unreadable
        self._ids: dict[str, str] = {}

    def questions(self, file: Path) -> Iterator[Question]:
        """Go through the questions of a file that have answers.

        Raises:
            DataError: it is not JSON in this form.
        """
        try:
            articles = _member(read_json(file), "data", list)
        except _FaultError as fault:
            raise DataError(f"{file}: {fault}") from None
        for a, article in enumerate(articles, start=1):
            where = f"{file}: article {a}"
            for p, paragraph in enumerate(self._list(article, "paragraphs", where), start=1):
                yield from self._of_paragraph(paragraph, f"{where}, paragraph {p}")

    def _of_paragraph(self, paragraph: Any, where: str) -> Iterator[Question]:
        try:
            context, questions = _text(paragraph, "context"), _member(paragraph, "qas", list)
        except _FaultError as fault:
            self._report(where, fault, "paragraphs")
            return
        for q, question in enumerate(questions, start=1):
            location = f"{where}, question {_id(question) or q}"
            try:
                if question_of := self._question(question, context, location):
                    yield question_of
            except _FaultError as fault:
                self._report(location, fault, "questions")

    def _question(self, found: Any, context: str, location: str) -> Question | None:
        name, text = _text(found, "id"), _text(found, "question")
        if name in self._ids:
            raise _FaultError(
                f"another question has this id; found it at {self._ids[name]} as well"
            )
        self._ids[name] = location
        answers = _member(found, "answers", list)
        if found.get("is_impossible") is True:
            why = "is_impossible: the text does not answer them"
            self._findings.left_out("questions", why, example=location)
            return None
        if not answers:
            raise _FaultError(
                "the question has no answers; found an empty list, expected one or more"
            )
        starts = [_start(answer, context) for answer in answers]
        texts = tuple(" ".join(answer["text"].split()) for answer in answers)
        stop = starts[0] + len(answers[0]["text"])
        return Question(location, context, text, starts[0], stop, texts)

    def _list(self, value: Any, key: str, where: str) -> list[Any]:
        try:
            return list(_member(value, key, list))
        except _FaultError as fault:
            self._report(where, fault, "articles")
            return []

    def _report(self, location: str, fault: _FaultError, what: str) -> None:
        self._unreadable.add(location, DataError(f"{location}: {fault}"), what)


def _start(answer: Any, context: str) -> int:
    """The letter with which an answer begins, where its text is found."""
    text, start = _text(answer, "text"), int(_member(answer, "answer_start", int))
    there = context[start : start + len(text)] if start >= 0 else ""
    if there != text:
        at = context.find(text)
        where = f"which begins at {at}" if at >= 0 else "which the context does not contain"
        raise _FaultError(
            f"the answer is not at its answer_start; found {_short(there)} at {start}, "
            f"expected {_short(text)}, {where}"
        )
    return start


def _text(value: Any, key: str) -> str:
    text = str(_member(value, key, str))
    if not text.strip():
        raise _FaultError(f"the {key} is empty; found {text!r}, expected a text")
    if not is_unicode(text):
        raise _FaultError(f"the {key} has half of a surrogate pair; found {_short(text)}")
    return text


def _member(value: Any, key: str, kind: type) -> Any:
    if not isinstance(value, Mapping):
        raise _FaultError(
            f"not an object; found {_short(value)}, expected one with the key {key!r}"
        )
    if key not in value:
        keys = ", ".join(map(repr, value)) or "none"
        raise _FaultError(f"the key {key!r} is missing; found the keys {keys}")
    member = value[key]
    if not isinstance(member, kind) or isinstance(member, bool):
        raise _FaultError(f"the {key} is not {_KINDS[kind]}; found {_short(member)}")
    return member


def _id(question: Any) -> str | None:
    name = question.get("id") if isinstance(question, Mapping) else None
    return name if isinstance(name, str) and name.strip() else None


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= MOST_LETTERS else text[:MOST_LETTERS] + "..."
