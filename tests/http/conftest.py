"""What the tests of the server share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import pytest
from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogPublisher
from zope.interface import provider


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """The messages of the errors that are logged during the test."""
    messages: list[str] = []

    @provider(ILogObserver)
    def observer(event: LogEvent) -> None:
        if event["log_level"] >= LogLevel.error:
            messages.append(event["log_format"])

    provided = cast(ILogObserver, observer)
    globalLogPublisher.addObserver(provided)
    yield messages
    globalLogPublisher.removeObserver(provided)
