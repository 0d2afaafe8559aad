import signal
import threading

import pytest

from distnet.launch.planned_stop import planned_stop

SIGNALS = [signal.SIGINT, signal.SIGTERM]


@pytest.mark.parametrize("number", SIGNALS)
def test_planned_stop_makes_the_file_at_the_first_signal(tmp_path, number):
    with planned_stop(tmp_path / "stop"):
        assert not (tmp_path / "stop").exists()
        signal.raise_signal(number)

        assert (tmp_path / "stop").exists()


@pytest.mark.parametrize("number", SIGNALS)
def test_planned_stop_raises_at_the_second_signal_only(tmp_path, number):
    with planned_stop(tmp_path / "stop"):
        signal.raise_signal(number)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
        signal.raise_signal(number)  # while cleaning up


def test_planned_stop_puts_the_handlers_back(tmp_path):
    before = [signal.getsignal(number) for number in SIGNALS]

    with planned_stop(tmp_path / "stop"):
        assert [signal.getsignal(number) for number in SIGNALS] != before

    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_planned_stop_changes_nothing_in_another_thread(tmp_path):
    seen = []

    def enter() -> None:
        with planned_stop(tmp_path / "stop"):
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()

    assert seen == [signal.getsignal(signal.SIGINT)]
