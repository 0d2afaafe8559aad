"""How SQuAD compares an answer with the right ones: as texts, without what does not matter.

Source: evaluate-v1.1.py of Rajpurkar et al. 2016: lower case, without punctuation of ASCII and
without articles; of several right answers the one that fits best.
"""

import re
from collections import Counter
from collections.abc import Sequence
from string import punctuation

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", punctuation)


def normalised(answer: str) -> str:
    """What is compared of an answer."""
    plain = answer.lower().translate(_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", plain).split())


def exact_match(found: str, answers: Sequence[str]) -> float:
    """1 where it is one of the right answers, else 0."""
    return float(any(normalised(found) == normalised(answer) for answer in answers))


def f1(found: str, answers: Sequence[str]) -> float:
    """The harmonic mean of precision and recall of words, of the right answer that fits best."""
    return max(_f1(normalised(found).split(), normalised(answer).split()) for answer in answers)


def _f1(found: list[str], right: list[str]) -> float:
    num_same = sum((Counter(found) & Counter(right)).values())
    return 2 * num_same / (len(found) + len(right)) if num_same else 0.0
