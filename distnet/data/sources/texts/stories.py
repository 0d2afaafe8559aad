"""Stories with questions, line by line, as the bAbI tasks have them.

    1 Mary moved to the bathroom.
    2 John went to the hallway.
    3 Where is Mary?<TAB>bathroom<TAB>1

A line is a sentence, or a question with its answer and the numbers of the sentences that say it.
The number 1 begins a story.
"""

import re
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from distnet.data.sources.texts.utf8 import read_lines
from distnet.errors import DataError

Report = Callable[[str, DataError, str], None]
"""Called with a location, what is wrong there, and what is left out because of it."""
QUESTIONS, STORIES = "questions", "stories from a faulty line on"
FIRST_LINES = 50
_LINE = re.compile(r"([0-9]+) (.*)")


class Question(NamedTuple):
    """One question, and all that a reader knows when it comes."""

    file: Path
    row: int
    text: str
    """The sentences of the story before it, and the question."""
    answer: str

    @property
    def location(self) -> str:
        """File and row."""
        return f"{self.file}:{self.row}"


class _FaultyStoryError(ValueError):
    """A line whose story cannot be read from there on."""


class _FaultyQuestionError(ValueError):
    """A question that cannot be learned, in a story that can be read on."""


def looks_like_stories(file: Path) -> bool:
    """Whether lines are numbered from 1, and one of the first has an answer behind a tab."""
    try:
        first, *lines = islice(read_lines(file), FIRST_LINES)
    except (DataError, ValueError):  # not text, or empty
        return False
    is_numbered = first.startswith("1 ") and "\t" not in first
    return is_numbered and any("\t" in line and _LINE.match(line) for line in lines)


def read_questions(file: Path, report: Report) -> Iterator[Question]:
    """Go through the questions of a file; what is faulty is reported and left out.

    Raises:
        DataError: the file cannot be read.
    """
    story = _Story()
    for row, line in enumerate(read_lines(file), start=1):
        if not line.strip():
            continue
        location = f"{file}:{row}"
        try:
            number, text = _numbered(line)
            if number == 1:
                story = _Story()
            if (found := story.add(number, text)) is not None:
                yield Question(file, row, *found)
        except _FaultyQuestionError as error:
            report(location, DataError(f"{location}: {error}"), QUESTIONS)
        except _FaultyStoryError as error:
            if not story.is_broken:
                report(location, DataError(f"{location}: {error}"), STORIES)
            story.is_broken = True


class _Story:
    """What was read of one story."""

    def __init__(self) -> None:
        self.is_broken = False
        """Whether lines are missing, so that its answers may not follow from the others."""
        self._sentences: dict[int, str] = {}
        self._last = 0

    def add(self, number: int, text: str) -> tuple[str, str] | None:
        """Add a line; of a question, the whole text and the answer."""
        if self.is_broken:
            return None
        self._follow(number)
        question, *columns = (part.strip() for part in text.split("\t"))
        if not columns and not question.endswith("?"):
            self._sentences[number] = question
            return None
        answer = self._answer(question, columns)
        return " ".join([*self._sentences.values(), question]), answer

    def _follow(self, number: int) -> None:
        expected = self._last + 1
        if number != expected:
            new = "" if expected == 1 else ", or 1 where a story begins"
            raise _FaultyStoryError(
                f"the number does not follow the one before; found {number}, "
                f"expected {expected}{new}"
            )
        self._last = number

    def _answer(self, question: str, columns: list[str]) -> str:
        if not question:
            raise _FaultyQuestionError(f"the question has no text; found the answer {columns[0]!r}")
        if not self._sentences:
            raise _FaultyQuestionError(
                f"the story is empty; found {question!r}, expected a sentence before it"
            )
        if not columns or not columns[0]:
            raise _FaultyQuestionError(
                f"the question has no answer; found {question!r}, expected one behind a tab"
            )
        answer, *more = columns
        for supporting in " ".join(more).split():
            if not supporting.isdecimal() or int(supporting) not in self._sentences:
                raise _FaultyQuestionError(
                    f"a supporting sentence is not in the story before the question; "
                    f"found {supporting}, expected of {', '.join(map(str, self._sentences))}"
                )
        return answer


def _numbered(line: str) -> tuple[int, str]:
    """The number of a line, and its text."""
    found = _LINE.match(line)
    if found is None or not found[2].strip():
        wrong = "the line has no number" if found is None else "the line has no text"
        raise _FaultyStoryError(
            f"{wrong}; found {line.strip()!r}, expected such as '1 Mary went home.'"
        )
    return int(found[1]), found[2]
