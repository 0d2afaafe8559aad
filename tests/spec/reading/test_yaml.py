import math

import pytest

from distnet.spec.reading.faults import FaultsError
from distnet.spec.reading.yaml import MAX_BYTES, decode, read_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1.5", 1.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("+5", 5),
        ("-5", -5),
        ("007", 7),
        ("0o17", 15),
        ("0x1F", 31),
        (".inf", math.inf),
        ("-.Inf", -math.inf),
        ("no", "no"),
        ("on", "on"),
        ("Yes", "Yes"),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("2001-12-14", "2001-12-14"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("null", None),
        ("", None),
        ('"1"', "1"),
        ("'true'", "true"),
        ("[1, a]", (1, "a")),
        ("{b: 2}", {"b": 2}),
    ],
)
def test_a_word_means_what_yaml_1_2_says(text: str, value: object) -> None:
    read = read_yaml(f"key: {text}").value

    assert read == {"key": value}
    assert isinstance(read, dict)
    assert type(read["key"]) is type(value)


def test_nan_is_a_number() -> None:
    value = read_yaml("key: .nan").value

    assert isinstance(value, dict)
    assert isinstance(value["key"], float)
    assert math.isnan(value["key"])


def test_lines_are_those_of_keys_and_items() -> None:
    document = read_yaml("# first\na: 1\n\nb:\n  c: >\n    long\n    text\n  d:\n  - x\n  - e: 1\n")

    assert document.lines == {
        (): 1,
        ("a",): 2,
        ("b",): 4,
        ("b", "c"): 5,
        ("b", "d"): 8,
        ("b", "d", 0): 9,
        ("b", "d", 1): 10,
        ("b", "d", 1, "e"): 10,
    }


@pytest.mark.parametrize("text", ["", "# nothing but a comment\n"])
def test_an_empty_text_is_nothing(text: str) -> None:
    assert read_yaml(text).value is None


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: 1\nb: 2\na: 3", 3, "twice, first in line 1"),
        ("x: 1\na: &anchor 1", 2, "anchor `&anchor`"),
        ("x: 1\na: *alias", 2, "alias `*alias`"),
        ("x: 1\n<<: {a: 1}", 2, "merge key"),
        ("x: 1\na: !!int 3", 2, "tag"),
        ("x: 1\na: !own 3", 2, "tag"),
        ("x: 1\n2: 3", 2, "key `2`"),
        ("x: 1\ntrue: 3", 2, "key `true`"),
        ("x: 1\n? [a]\n: 3", 2, "as a key"),
        ("x: 1\n---\ny: 2", 2, "second document"),
        ("x: 1\ny: 2: 3", 2, "`:` where none is allowed"),
        ("x: 1\n\ty: 2", 2, "found a tab"),
        ("x: 1\ny: [1, 2\n", 2, "not closed"),
        ("x: 1\ny: 'text\n\n\n", 2, "never closed"),
        ("x:\n  y: 1\n z: 2\n", 3, "indentation"),
        ("x: 1\ny: @\n", 2, "quotes"),
        ('x: 1\ny: "\\UFFFFFFFF"', 2, "escape"),
        ('x: 1\ny: "\\ud800"', 2, "U+D800"),
        ("x: 1\ny: \x07", 2, "U+0007"),
        (f"x: 1\ny: {'9' * 5000}", 2, "5000 digits"),
        ("%YAML 1.1\n---\nx: 1", 1, "YAML 1.1"),
        ("x: " + "[" * 30, 1, "nesting"),
        ("x: " + "{a: " * 30, 1, "nesting"),
    ],
)
def test_what_job_files_do_without_is_refused_with_its_line(
    text: str, line: int, message: str
) -> None:
    with pytest.raises(FaultsError) as caught:
        read_yaml(text)

    (fault,) = caught.value.faults
    assert fault.line == line
    assert message in fault.message


def test_faults_of_meaning_are_all_found_at_once() -> None:
    with pytest.raises(FaultsError) as caught:
        read_yaml("a: 1\na: 2\nb: &x 1\nc: *x\n3: 4")

    assert [fault.line for fault in caught.value.faults] == [2, 3, 4, 5]


def test_twenty_levels_are_not_too_deep() -> None:
    assert read_yaml("[" * 20 + "]" * 20).value is not None


def test_bytes_that_are_not_utf8_are_refused_with_their_line() -> None:
    with pytest.raises(FaultsError) as caught:
        decode(b"a: 1\nb: \xff\n")

    (fault,) = caught.value.faults
    assert fault.line == 2
    assert "0xff" in fault.message


def test_a_byte_order_mark_is_left_out() -> None:
    assert read_yaml(decode(b"\xef\xbb\xbfa: 1")).value == {"a": 1}


def test_a_file_too_large_is_refused() -> None:
    with pytest.raises(FaultsError, match="256 kB"):
        decode(b" " * (MAX_BYTES + 1))
