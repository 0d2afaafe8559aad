"""Logs reach the server byte for byte, once, whatever is in them and whoever was killed."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distnet.agent import streams
from distnet.agent.streams import Streams, as_text
from distnet.run_folder.paths import RunFolder
from distnet.server.ledger.streams import NO_MORE


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "run")
    folder.logs.mkdir(parents=True)
    return folder


class Kept:
    """What a server has of each stream."""

    def __init__(self) -> None:
        self.data: dict[str, bytes] = {}

    def take(self, source: Streams, *, is_last: bool = False) -> int:
        pieces = source.pieces(is_last=is_last)
        for piece in pieces:
            known = self.data.get(piece.stream, b"")
            assert piece.offset == len(known)
            self.data[piece.stream] = known + piece.text.encode()
        source.note_kept({name: len(data) for name, data in self.data.items()})
        return len(pieces)


def test_all_files_are_followed_as_they_grow(folder, tmp_path):
    output = tmp_path / "output.log"
    source, kept = Streams(folder, output=output, kept={}), Kept()

    assert kept.take(source) == 0
    output.write_text("begins\n")
    folder.worker_log(0).write_text("worker 0\n")
    kept.take(source)
    folder.metrics.write_text('{"kind": "note"}\n')
    folder.worker_log(0).open("a").write("more\n")
    folder.worker_log(11).write_text("worker 11\n")
    (folder.logs / "worker-x y.log").write_text("of somebody else")
    kept.take(source)

    assert kept.data == {
        "run": b"begins\n",
        "worker-0": b"worker 0\nmore\n",
        "worker-11": b"worker 11\n",
        "metrics": b'{"kind": "note"}\n',
    }
    assert kept.take(source) == 0


def test_a_later_attempt_sends_what_an_earlier_one_could_not(folder, tmp_path):
    folder.metrics.write_text("sent\nnot sent\n")
    folder.worker_log(0).write_text("never\n")
    source, kept = Streams(folder, output=tmp_path / "none", kept={"metrics": 5}), Kept()

    kept.take(source)

    assert kept.data == {"metrics": b"not sent\n", "worker-0": b"never\n"}


def test_pieces_that_the_server_has_lost_are_sent_again(folder, tmp_path):
    folder.metrics.write_text("0123456789")
    source = Streams(folder, output=tmp_path / "none", kept={})

    source.note_kept({"metrics": 8, "unknown": 3})
    assert [(p.offset, p.text) for p in source.pieces()] == [(8, "89")]
    source.note_kept({"metrics": 4})
    assert [(p.offset, p.text) for p in source.pieces()] == [(4, "456789")]


def test_a_report_has_a_limit(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(streams, "PIECE_BYTES", 10)
    monkeypatch.setattr(streams, "REPORT_BYTES", 25)
    for rank in range(4):
        folder.worker_log(rank).write_text(str(rank) * 35)
    source, kept = Streams(folder, output=tmp_path / "none", kept={}), Kept()

    assert sum(len(piece.text) for piece in source.pieces()) == 25
    while kept.take(source):
        pass

    assert kept.data == {f"worker-{rank}": str(rank).encode() * 35 for rank in range(4)}


def test_a_character_that_is_cut_off_waits_for_its_rest(folder, tmp_path):
    source, kept = Streams(folder, output=tmp_path / "none", kept={}), Kept()
    euro = "€".encode()
    with folder.metrics.open("ab", buffering=0) as file:
        file.write(b"price: " + euro[:2])
        kept.take(source)
        assert kept.data["metrics"] == b"price: "
        file.write(euro[2:] + b"!" + euro[:1])
        kept.take(source)
        assert kept.data["metrics"] == "price: €!".encode()

    kept.take(source, is_last=True)
    assert kept.data["metrics"] == "price: €!?".encode()


@given(data=st.binary(max_size=200))
def test_text_has_as_many_bytes_as_the_file(data):
    text = as_text(data, is_end=True)

    assert len(text.encode()) == len(data)
    assert text == data.decode(errors="ignore") or "?" in text


@given(data=st.text(max_size=60), cut=st.integers(0, 240))
def test_pieces_of_good_text_are_that_text(data, cut):
    whole = data.encode()
    first = as_text(whole[:cut], is_end=False)

    assert first + as_text(whole[len(first.encode()) :], is_end=True) == data


def test_a_stream_of_which_the_server_keeps_no_more_is_not_sent(folder, tmp_path):
    output = tmp_path / "output.log"
    output.write_text("endless\n" * 100_000)
    source = Streams(folder, output=output, kept={})
    assert source.pieces()

    source.note_kept({"run": NO_MORE})
    output.write_text("endless\n" * 200_000)

    assert source.pieces() == []
    assert source.pieces(is_last=True) == []
