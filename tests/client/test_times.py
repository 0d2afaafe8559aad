"""Times such as 22:00, +2h and 2026-05-01."""

from datetime import datetime

import pytest

from distnet.client.times import future_time, local_zone, past_time
from distnet.errors import DistnetError

NOW = datetime(2026, 5, 1, 12, 0, 0).timestamp()


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("+2h", datetime(2026, 5, 1, 14)),
        ("+90s", datetime(2026, 5, 1, 12, 1, 30)),
        ("+1d", datetime(2026, 5, 2, 12)),
        ("2026-05-02T03:04", datetime(2026, 5, 2, 3, 4)),
        ("2026-05-02 03:04:05", datetime(2026, 5, 2, 3, 4, 5)),
        ("22:00", datetime(2026, 5, 1, 22)),
        ("07:30", datetime(2026, 5, 2, 7, 30)),
    ],
)
def test_a_time_to_come_is_read_as_local_time(text: str, moment: datetime) -> None:
    assert future_time(text, now=NOW) == moment.timestamp()


def test_a_zone_that_is_written_counts() -> None:
    assert future_time("2026-06-01T00:00:00+00:00", now=NOW) == 1780272000.0


@pytest.mark.parametrize("text", ["", "soon", "+", "+2x", "2026-13-01", "25:00", "2h"])
def test_another_form_is_refused_with_the_known_ones(text: str) -> None:
    with pytest.raises(DistnetError, match=r"\+2h"):
        future_time(text, now=NOW)


def test_a_time_that_has_passed_is_refused() -> None:
    with pytest.raises(DistnetError, match="has passed"):
        future_time("2026-04-30T12:00", now=NOW)


@pytest.mark.parametrize(
    ("text", "moment"),
    [("2h", datetime(2026, 5, 1, 10)), ("2026-04-30", datetime(2026, 4, 30))],
)
def test_a_past_time_is_a_span_or_a_day(text: str, moment: datetime) -> None:
    assert past_time(text, now=NOW) == moment.timestamp()
    with pytest.raises(DistnetError, match="2026-05-01"):
        past_time(f"{text} ago", now=NOW)


def test_the_zone_of_this_machine_has_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    assert local_zone() == "Europe/Berlin"
    monkeypatch.setenv("TZ", "nowhere")
    assert local_zone()
