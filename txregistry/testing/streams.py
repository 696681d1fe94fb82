"""A consumer and a producer that behave as awkwardly as real ones may."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.interfaces import IConsumer, IProducer, IPushProducer
from zope.interface import implementer


@implementer(IConsumer)
class Collector:
    """Keeps what is written. `react` is called after each write, with the producer."""

    def __init__(self, react: Callable[[IPushProducer], None] | None = None) -> None:
        self.pieces: list[bytes] = []
        self.producer: IProducer | None = None
        self._react = react

    @property
    def content(self) -> bytes:
        """All that was written."""
        return b"".join(self.pieces)

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        """One push producer at a time."""
        assert streaming, "not a push producer"
        assert self.producer is None, "registered twice"
        self.producer = producer

    def unregisterProducer(self) -> None:
        """Let it go."""
        self.producer = None

    def write(self, data: bytes) -> None:
        """Keep it."""
        assert self.producer is not None, "written without a registered producer"
        self.pieces.append(data)
        if self._react is not None:
            self._react(IPushProducer(self.producer))


@implementer(IPushProducer)
class Pieces:
    """Writes pieces until it is paused or stopped; `paused_at` tells how many it had written each time."""

    def __init__(self, pieces: Sequence[bytes], consumer: IConsumer) -> None:
        self.paused_at: list[int] = []
        self.stopped = False
        self.written = 0
        self._pieces = pieces
        self._consumer = consumer
        self._paused = False
        self._writing = False

    @property
    def finished(self) -> bool:
        """Whether everything is written."""
        return self.written == len(self._pieces)

    def start(self) -> None:
        """Register and write."""
        self._consumer.registerProducer(self, True)
        self.resumeProducing()

    def pauseProducing(self) -> None:
        """Write no more for now."""
        self._paused = True
        self.paused_at.append(self.written)

    def resumeProducing(self) -> None:
        """Write on; unregister behind the last piece."""
        self._paused = False
        if self._writing:
            return
        self._writing = True
        while not self._paused and not self.stopped and not self.finished:
            self.written += 1
            self._consumer.write(self._pieces[self.written - 1])
        self._writing = False
        if self.finished and not self.stopped:
            self._consumer.unregisterProducer()

    def stopProducing(self) -> None:
        """Write nothing more."""
        self.stopped = True
