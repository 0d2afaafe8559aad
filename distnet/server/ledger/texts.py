"""Job files and archives of code, each stored once under the sha256 of its content.

They are in the database, so that a server on another machine has them too.
"""

import hashlib
from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, exists, select, update

from distnet.protocol.errors import InvalidError, LedgerError
from distnet.server.ledger.rows import chunks, insert_if_new, upsert
from distnet.server.ledger.tables import codes, jobs, texts

KEPT = codes.c.removed_at.is_(None)


def put_texts(tx: Connection, some: Iterable[str]) -> list[str]:
    """Store texts; returns the sha256 of each."""
    rows = [{"sha256": _sha(text.encode()), "text": text} for text in some]
    insert_if_new(tx, texts, rows)
    return [row["sha256"] for row in rows]


def read_text(tx: Connection, sha: str) -> str | None:
    """Read the text with this sha256; None if there is none.

    Raises:
        LedgerError: it is damaged.
    """
    text: str | None = tx.execute(select(texts.c.text).where(texts.c.sha256 == sha)).scalar()
    if text is not None:
        _verify(sha, text.encode())
    return text


def texts_with(tx: Connection, part: str, shas: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Those of some texts that contain a part, each with its sha256."""
    for some in chunks(shas):
        where = texts.c.sha256.in_(some), texts.c.text.contains(part)
        for row in tx.execute(select(texts.c.sha256, texts.c.text).where(*where)):
            yield row.sha256, row.text


def put_code(tx: Connection, sha: str, data: bytes) -> None:
    """Store an archive.

    Raises:
        InvalidError: `sha` is not its sha256.
    """
    if (found := _sha(data)) != sha:
        raise InvalidError(
            f"code {sha}: found {len(data):,} bytes with sha256 {found}: they were damaged or "
            "truncated on the way; upload them again",
            code="wrong_hash",
        )
    upsert(tx, codes, [{"sha256": sha, "data": data, "removed_at": None}])


def has_code(tx: Connection, sha: str) -> bool:
    """Whether there is an archive, which was not removed."""
    return tx.execute(select(codes.c.sha256).where(codes.c.sha256 == sha, KEPT)).first() is not None


def unused_codes(tx: Connection) -> set[str]:
    """Find archives that jobs have used, of all of which logs and events were removed."""
    users = jobs.c.code == codes.c.sha256
    is_used = exists().where(users, jobs.c.removed_at.is_(None))
    query = select(codes.c.sha256).where(KEPT, exists().where(users), ~is_used)
    return set(tx.execute(query).scalars())


def remove_code(tx: Connection, sha: str, at: float) -> None:
    """Remove the content of an archive; `put_code` brings it back."""
    tx.execute(update(codes).where(codes.c.sha256 == sha).values(data=b"", removed_at=at))


def read_code(tx: Connection, sha: str) -> bytes | None:
    """Read the archive with this sha256; None if there is none, or it was removed.

    Raises:
        LedgerError: it is damaged.
    """
    query = select(codes.c.data).where(codes.c.sha256 == sha, KEPT)
    data: bytes | None = tx.execute(query).scalar()
    if data is not None:
        _verify(sha, data)
    return data


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _verify(sha: str, data: bytes) -> None:
    if _sha(data) != sha:
        raise LedgerError(
            f"ledger: the content with sha256 {sha} is damaged; restore it from a backup"
        )
