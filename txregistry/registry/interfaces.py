"""What the registry asks of those above it."""

from __future__ import annotations

from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer


class ByteSource(Protocol):
    """Bytes that arrive in their own time, such as the body of a request."""

    @property
    def length(self) -> int | None:
        """How many bytes there will be, None where nobody has said."""

    def stream_to(self, consumer: IConsumer) -> Deferred[int]:
        """Register as the consumer's push producer and write; fire with the number of bytes after the last one.

        Fails when the bytes end too early, or with `CancelledError` when cancelled; what came before was written.
        """
