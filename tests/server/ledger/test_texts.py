import hashlib
import os

import pytest
from sqlalchemy import update

from distnet.protocol.errors import InvalidError, LedgerError
from distnet.server.ledger import Ledger, texts
from distnet.server.ledger.tables import codes
from distnet.server.ledger.tables import texts as texts_table

TEXT = "name: naïve\nnote: ☃\n"


def test_text_is_read_as_it_was_put_and_kept_once(ledger: Ledger) -> None:
    with ledger.transaction() as tx:
        (sha,) = texts.put_texts(tx, [TEXT])
        assert texts.put_texts(tx, [TEXT, TEXT]) == [sha, sha]

    assert sha == hashlib.sha256(TEXT.encode()).hexdigest()
    with ledger.reading() as tx:
        assert texts.read_text(tx, sha) == TEXT
        assert texts.read_text(tx, "0" * 64) is None


@pytest.mark.parametrize("num_bytes", [0, 1, 3_000_000])
def test_code_is_read_as_it_was_put(ledger: Ledger, num_bytes: int) -> None:
    data = os.urandom(num_bytes)
    sha = hashlib.sha256(data).hexdigest()

    for _ in range(2):
        with ledger.transaction() as tx:
            texts.put_code(tx, sha, data)

    with ledger.reading() as tx:
        assert texts.has_code(tx, sha)
        assert texts.read_code(tx, sha) == data


def test_code_that_is_not_there_is_none(ledger: Ledger) -> None:
    with ledger.reading() as tx:
        assert not texts.has_code(tx, "0" * 64)
        assert texts.read_code(tx, "0" * 64) is None


def test_code_with_another_hash_is_refused(ledger: Ledger) -> None:
    with (
        pytest.raises(InvalidError, match="found 7 bytes") as refused,
        ledger.transaction() as tx,
    ):
        texts.put_code(tx, "0" * 64, b"archive")

    assert refused.value.code == "wrong_hash"
    with ledger.reading() as tx:
        assert not texts.has_code(tx, "0" * 64)


def test_content_that_was_changed_in_the_database_is_not_returned(ledger: Ledger) -> None:
    data = b"archive"
    code = hashlib.sha256(data).hexdigest()
    with ledger.transaction() as tx:
        texts.put_code(tx, code, data)
        (text,) = texts.put_texts(tx, [TEXT])
        tx.execute(update(codes).values(data=b"archivf"))
        tx.execute(update(texts_table).values(text="other"))

    with ledger.reading() as tx:
        with pytest.raises(LedgerError, match=f"{code} is damaged"):
            texts.read_code(tx, code)
        with pytest.raises(LedgerError, match=f"{text} is damaged"):
            texts.read_text(tx, text)
