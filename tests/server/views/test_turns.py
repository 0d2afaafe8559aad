"""Answers that take long: one at a time, and few requests wait."""

import pytest

from distnet.protocol.errors import UnavailableError
from distnet.server.views import turns


def test_a_request_too_many_is_refused_until_another_has_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns, "MAX_QUEUED", 1)
    sums = turns.Turns("sums")

    with sums.take(), pytest.raises(UnavailableError, match="too many sums at once"), sums.take():
        pass
    with sums.take():
        pass
