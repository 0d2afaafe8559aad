"""Plain text: files that are none are named with the line, and what to do."""

import gzip
from pathlib import Path

import pytest

from distnet.data.importing import import_dataset
from distnet.errors import DataError


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.txt", b"", r"t\.txt: the text is empty, expected lines"),
        ("t.txt", b"one\ncaf\xe9\n", r"t\.txt:2: not UTF-8 .*; save it as UTF-8"),
        ("t.txt", "one\n".encode("utf-16"), r"t\.txt: found UTF-16, expected UTF-8"),
        ("t.txt", "one\ntwo\n".encode("utf-16-le"), r"t\.txt:1: found a byte that is 0"),
        ("t.txt.gz", b"one\n", r"t\.txt\.gz: cannot be read: Not a gzipped .*copy the file again"),
        (
            "t.txt.gz",
            gzip.compress(b"one\n" * 99, mtime=0)[:-9],
            r"cannot be read: Compressed file ended",
        ),
    ],
)
def test_what_is_no_text_is_refused(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        import_dataset(tmp_path / name, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_mark_at_the_beginning_is_no_character(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_bytes(b"\xef\xbb\xbfab\nba\n")
    manifest = import_dataset(tmp_path / "t.txt", tmp_path / "out", test_fraction=0)
    assert getattr(manifest.fields["tokens"], "vocabulary", None) == ("\n", "a", "b")


def test_a_single_recording_is_sent_to_its_folder(tmp_path: Path) -> None:
    (tmp_path / "one.wav").write_bytes(b"RIFF")
    with pytest.raises(DataError, match="for sounds, make one folder a class"):
        import_dataset(tmp_path / "one.wav", tmp_path / "out")
