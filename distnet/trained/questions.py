"""Answer questions about texts of a user."""

from collections.abc import Sequence
from typing import Any

import torch

from distnet.data.batch import Batch
from distnet.data.column import Column
from distnet.data.fields.field import Field
from distnet.data.fields.text import TextField
from distnet.data.samples import as_tensors
from distnet.errors import RunError
from distnet.spec.code.own_errors import own_errors
from distnet.trained.load import Trained
from distnet.trained.texts import encode_texts

FIELDS = ("context", "question", "text")


@torch.no_grad()
def answer_questions(
    trained: Trained, contexts: Sequence[str], questions: Sequence[str]
) -> list[dict[str, Any]]:
    """Answer each question about each context: both, and the task's prediction.

    Raises:
        RunError: the run did not learn from contexts and questions.
        DataError: a text is empty.
    """
    missing = [name for name in FIELDS if name not in trained.fields]
    if missing:
        raise RunError(
            f"{trained.folder.path}: found questions, but the run's data has no field "
            f"{missing[0]}, only {', '.join(trained.fields)}; questions are answered by runs of "
            "the task answer"
        )
    pairs = [(context, question) for context in contexts for question in questions]
    texts = {"context": [c for c, _ in pairs], "question": [q for _, q in pairs]}
    texts["text"] = texts["context"]
    columns = {name: _column(trained.fields[name], texts[name]) for name in FIELDS}
    batch = Batch({n: as_tensors(column, trained.fields[n]) for n, column in columns.items()})
    with own_errors(f"task {trained.job.task.kind}", is_any=False):
        found = trained.task.predict(trained.networks, trained.prepare(batch))
    return [{"question": q, **one} for (_, q), one in zip(pairs, found, strict=True)]


def _column(field: Field, texts: Sequence[str]) -> Column:
    return field.encode(texts) if isinstance(field, TextField) else encode_texts(field, texts)
