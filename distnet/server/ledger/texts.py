"""Job files and archives of code, each stored once under the sha256 of its content.

They are in the database, so that a server on another machine has them too.
"""

import hashlib

from sqlalchemy import Connection, select

from distnet.protocol.errors import InvalidError, LedgerError
from distnet.server.ledger.rows import insert_if_new
from distnet.server.ledger.tables import codes, texts


def put_text(tx: Connection, text: str) -> str:
    """Store a text; returns its sha256."""
    sha = _sha(text.encode())
    insert_if_new(tx, texts, {"sha256": sha, "text": text})
    return sha


def read_text(tx: Connection, sha: str) -> str | None:
    """Read the text with this sha256; None if there is none.

    Raises:
        LedgerError: it is damaged.
    """
    text: str | None = tx.execute(select(texts.c.text).where(texts.c.sha256 == sha)).scalar()
    if text is not None:
        _verify(sha, text.encode())
    return text


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
    insert_if_new(tx, codes, {"sha256": sha, "data": data})


def has_code(tx: Connection, sha: str) -> bool:
    """Whether there is an archive."""
    return tx.execute(select(codes.c.sha256).where(codes.c.sha256 == sha)).first() is not None


def read_code(tx: Connection, sha: str) -> bytes | None:
    """Read the archive with this sha256; None if there is none.

    Raises:
        LedgerError: it is damaged.
    """
    data: bytes | None = tx.execute(select(codes.c.data).where(codes.c.sha256 == sha)).scalar()
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
