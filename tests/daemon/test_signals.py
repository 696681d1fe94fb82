import os
import signal
from collections.abc import Iterator

import pytest
from twisted.internet.interfaces import IReactorFromThreads

from txregistry.daemon.signals import StopSignals


class Calls:
    """What was asked for, in order."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def stop(self) -> None:
        self.names.append("stop")

    def hurry(self) -> None:
        self.names.append("hurry")


@pytest.fixture
def calls() -> Iterator[Calls]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield Calls()
    for number, handler in before.items():
        signal.signal(number, handler)


def test_the_first_signal_stops_and_the_second_does_not_wait(calls: Calls) -> None:
    signals = StopSignals(calls.stop, calls.hurry)
    signals.came("SIGTERM")
    assert calls.names == ["stop"]
    signals.came("SIGINT")
    assert calls.names == ["stop", "hurry"]


def test_the_third_signal_does_what_a_signal_does(calls: Calls, reactor: IReactorFromThreads) -> None:
    signals = StopSignals(calls.stop, calls.hurry)
    signals.install(reactor)
    signals.came("SIGTERM")
    assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    signals.came("SIGTERM")
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_real_signal_is_heard(calls: Calls, reactor: IReactorFromThreads, number: signal.Signals) -> None:
    StopSignals(calls.stop, calls.hurry).install(reactor)
    os.kill(os.getpid(), number)
    assert calls.names == ["stop"]
