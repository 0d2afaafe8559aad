import signal
import threading

import pytest

from distnet.run_folder.paths import RunFolder
from distnet.run_folder.requests import clear_passing_stop, planned_stop, request_stop, stop_reason

SIGNALS = [signal.SIGINT, signal.SIGTERM]


@pytest.mark.parametrize("number", SIGNALS)
def test_planned_stop_makes_the_file_at_the_first_signal(tmp_path, number):
    with planned_stop(RunFolder(tmp_path)):
        assert not (tmp_path / "stop").exists()
        signal.raise_signal(number)

        assert (tmp_path / "stop").exists()


@pytest.mark.parametrize("number", SIGNALS)
def test_planned_stop_raises_at_the_second_signal_only(tmp_path, number):
    with planned_stop(RunFolder(tmp_path)):
        signal.raise_signal(number)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
        signal.raise_signal(number)  # while cleaning up


def test_planned_stop_puts_the_handlers_back(tmp_path):
    before = [signal.getsignal(number) for number in SIGNALS]

    with planned_stop(RunFolder(tmp_path)):
        assert [signal.getsignal(number) for number in SIGNALS] != before

    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_planned_stop_changes_nothing_in_another_thread(tmp_path):
    seen = []

    def enter() -> None:
        with planned_stop(RunFolder(tmp_path)):
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()

    assert seen == [signal.getsignal(signal.SIGINT)]


def test_a_stop_for_good_is_not_taken_back_by_a_resize(tmp_path):
    folder = RunFolder(tmp_path)
    assert stop_reason(folder) is None

    request_stop(folder, "resize")
    assert stop_reason(folder) == "resize"
    request_stop(folder)
    request_stop(folder, "drain")

    assert stop_reason(folder) == "stop"


def test_a_file_that_a_person_made_stops_the_run_for_good(tmp_path):
    (tmp_path / "stop").touch()

    assert stop_reason(RunFolder(tmp_path)) == "stop"


@pytest.mark.parametrize(("why", "left"), [("resize", None), ("drain", None), ("stop", "stop")])
def test_what_a_failed_attempt_was_to_end_for_is_dropped_unless_it_is_for_good(tmp_path, why, left):
    folder = RunFolder(tmp_path)
    request_stop(folder, why)

    clear_passing_stop(folder)

    assert stop_reason(folder) == left


def test_a_signal_stops_a_run_and_the_sweep_around_it(tmp_path):
    sweep, first, second = (RunFolder(tmp_path / name) for name in ("sweep", "one", "two"))
    for folder in (sweep, first, second):
        folder.path.mkdir()

    with planned_stop(sweep):
        with planned_stop(first):
            signal.raise_signal(signal.SIGINT)
        with planned_stop(second):  # it came before
            assert stop_reason(second) == "stop"
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)

    assert [stop_reason(folder) for folder in (sweep, first)] == ["stop", "stop"]
