"""A reactor whose loop is the test itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.testing import MemoryReactorClock


class OneThreadReactor(MemoryReactorClock):
    """In a test there is one thread, so that what another would hand over is called at once."""

    def callFromThread(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        function(*args, **kwargs)


@pytest.fixture
def reactor() -> OneThreadReactor:
    return OneThreadReactor()  # type: ignore[no-untyped-call]  # Twisted's own
