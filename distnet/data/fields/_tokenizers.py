"""How a text becomes tokens: characters, words, or parts of words, by the package `tokenizers`.

A tokenizer is its kind, its vocabulary and, for parts of words, the merges that make them. All are
kept in the manifest, so that a text of a user becomes the same tokens later.

Source: Sennrich et al. 2016 (byte pair encoding), Radford et al. 2019 (on bytes). The words are
those of the Penn Treebank, whose `do n't` and a user's `don't` are the same two words.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

from distnet.errors import DataError
from distnet.spec.extras import require_extra

Tokenizer = Literal["characters", "words", "bpe"]
UNKNOWN = "<unk>"
"""Stands for what is not in a vocabulary, if the vocabulary has it; no text holds this token."""
NUM_BYTES = 256
FEWEST = 2
"""What occurs less often is left to `UNKNOWN`, so that a network learns what that means."""
WORD = r"\w+?(?=n't\b)|n't\b|'(?:s|m|d|re|ve|ll)\b|\w+|([^\w\s])\1*"
"""A word, the end of a contraction, or a run of one sign."""


def learn_tokens(kind: Tokenizer, texts: Iterable[str], most: int) -> dict[str, Any]:
    """Choose the tokens for some texts.

    Args:
        kind: what a token is.
        texts: those to learn from.
        most: tokens of the vocabulary, the unknown one among them.

    Returns:
        `tokenizer`, `vocabulary` and `merges` of a field of tokens.

    Raises:
        DataError: the vocabulary is too small for this kind.
        UnknownPartError: the package `tokenizers` is not installed.
    """
    least = NUM_BYTES if kind == "bpe" else 2
    if most < least:
        raise DataError(f"--vocabulary: found {most}, expected at least {least} for {kind}")
    if kind == "bpe":
        return {"tokenizer": kind} | _learn_merges(texts, most)
    split: Callable[[str], list[str]] = list if kind == "characters" else _Words()
    counts = Counter(token for text in texts for token in split(text))
    known = [token for token, count in counts.items() if count >= FEWEST]
    known.sort(key=lambda token: (-counts[token], token))
    return {"tokenizer": kind, "vocabulary": (UNKNOWN, *known[: most - 1])}


def make_tokenizer(
    kind: Tokenizer, vocabulary: Sequence[str], merges: Sequence[tuple[str, str]]
) -> Any:
    """A `tokenizers.Tokenizer` of words or of parts of words.

    Raises:
        UnknownPartError: the package `tokenizers` is not installed.
    """
    library = _library()
    index = {token: i for i, token in enumerate(vocabulary)}
    if kind == "words":
        tokenizer = library.Tokenizer(library.models.WordLevel(index, unk_token=UNKNOWN))
        words = _Words()
        tokenizer.normalizer, tokenizer.pre_tokenizer = words.normalizer, words.pre_tokenizer
        return tokenizer
    return _of_bytes(library.models.BPE(index, list(merges)))


class _Words:
    """Cuts a text into words, in lower case; a compatible character is written in one way."""

    def __init__(self) -> None:
        library = _library()
        forms = library.normalizers
        steps = [forms.NFKC(), forms.Lowercase(), forms.Replace("\u2019", "'")]
        self.normalizer = forms.Sequence(steps)
        pattern = library.Regex(WORD)
        self.pre_tokenizer = library.pre_tokenizers.Split(pattern, "removed", invert=True)

    def __call__(self, text: str) -> list[str]:
        parts = self.pre_tokenizer.pre_tokenize_str(self.normalizer.normalize_str(text))
        return [word for word, _ in parts]


def _learn_merges(texts: Iterable[str], most: int) -> dict[str, Any]:
    """Merge the pair of tokens that occurs most, again and again; the first tokens are bytes."""
    library = _library()
    tokenizer = _of_bytes(library.models.BPE())
    alphabet = library.pre_tokenizers.ByteLevel.alphabet()
    trainer = library.trainers.BpeTrainer(
        vocab_size=most, min_frequency=FEWEST, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    vocabulary = tuple(sorted(model["vocab"], key=model["vocab"].__getitem__))
    return {"vocabulary": vocabulary, "merges": tuple(map(tuple, model["merges"]))}


def _of_bytes(model: Any) -> Any:
    library = _library()
    tokenizer = library.Tokenizer(model)
    tokenizer.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = library.decoders.ByteLevel()
    return tokenizer


def _library() -> Any:
    return require_extra("tokenizers", extra="text", what="a text as words or parts of words")
