"""BLEU as sums over texts: words and sequences of words that a translation and its reference share.

Source: Papineni et al. 2002, counted by the package sacrebleu (Post 2018) on the texts as they are.
Counts of all texts are added up and divided once, so the score of all is not the mean of the
scores of each.
"""

from collections.abc import Sequence
from typing import Any

from distnet.spec.extras import require_extra

LONGEST = 4
"""Words of the longest sequences that are compared."""
NUM_COUNTS = 2 * LONGEST + 2


def count_shared(written: Sequence[str], references: Sequence[str]) -> list[int]:
    """Compare texts: sequences of 1 to 4 words shared; written; words written; of the references.

    Raises:
        UnknownPartError: the package sacrebleu is not installed.
    """
    found = _bleu().corpus_score(list(written), [list(references)])
    return [*found.counts, *found.totals, found.sys_len, found.ref_len]


def bleu_of(counts: Sequence[int]) -> Any:
    """The `sacrebleu.BLEUScore` of added counts."""
    shared, written, lengths = counts[:LONGEST], counts[LONGEST:-2], counts[-2:]
    return type(_bleu()).compute_bleu(list(shared), list(written), *lengths, smooth_method="exp")


def signature() -> str:
    """How sacrebleu names the way in which it has counted."""
    bleu = _bleu()
    bleu.corpus_score([""], [[""]])  # before, it does not know the number of references
    text: str = bleu.get_signature().format()
    return text


def _bleu() -> Any:
    """A metric; texts that are cut into words are taken as they are, without a warning."""
    sacrebleu = require_extra("sacrebleu", extra="text", what="task translate")
    return sacrebleu.BLEU(force=True)
