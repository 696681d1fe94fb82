"""What the tests of the server share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.http.client import errors_logged


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """The messages of the errors that are logged during the test."""
    with errors_logged() as messages:
        yield messages
