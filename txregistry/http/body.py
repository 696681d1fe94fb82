"""The body of a request: a push producer for exactly one reader."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IConsumer


class RequestBody:
    """`length` is the declared Content-Length in bytes, None when the body is chunked; 0 when there is none."""

    length: int | None
    received: int

    def stream_to(self, consumer: IConsumer) -> Deferred[int]:
        """Register as the consumer's push producer and write the body to it as it arrives.

        Fires with the number of bytes once the last one is written and the producer is unregistered. Fails with
        `BodyAborted` when the connection ends before (what came was written). Raises `BodyAlreadyRead` at a second
        call of this or of `read`.
        """
        raise NotImplementedError

    def read(self, limit: int) -> Deferred[bytes]:
        """The whole body. Fails with `BodyTooLarge` as soon as more than `limit` bytes are declared or have come, with
        `BodyAborted` as above."""
        raise NotImplementedError
