import pytest

from distnet.spec.sections.units import seconds, size


@pytest.mark.parametrize(
    ("text", "amount"),
    [("90s", 90.0), ("10m", 600.0), ("10 min", 600.0), ("2h", 7200.0), ("1.5d", 129_600.0), (5, 5)],
)
def test_a_time_is_read_in_seconds(text: object, amount: float) -> None:
    assert seconds(text) == amount


@pytest.mark.parametrize(
    ("text", "amount"),
    [("24GB", 24 * 10**9), ("512 MiB", 512 * 2**20), ("1.5kb", 1500), (7, 7)],
)
def test_a_size_is_read_in_bytes(text: object, amount: int) -> None:
    assert size(text) == amount


@pytest.mark.parametrize(
    "value", ["2", "h", "2 parsecs", "-2h", "2h 3m", "9" * 400 + "h", True, []]
)
def test_what_is_no_amount_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="expected a time"):
        seconds(value)
    with pytest.raises(ValueError, match="expected a size"):
        size(value)
