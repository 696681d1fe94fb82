"""Lines that go to a descriptor without the reactor ever waiting for whoever reads it."""

from __future__ import annotations

import os
import select

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from txregistry.concurrency.workers import IWorkers

# How long a line waits for company, in seconds.
INTERVAL = 1.0
# Characters that wait before they are handed to a worker at once.
BATCH = 64 * 1024
# Characters that are kept while the reader does not read; lines beyond are dropped and counted.
MOST = 8 * 1024 * 1024
# How long a worker waits for a reader that does not read, in seconds; it also bounds how long a stop can take.
PATIENCE = 5.0

_log = Logger()


class BufferedLines:
    """Collects lines and writes them together, each second or when many have come, on a worker."""

    def __init__(
        self, descriptor: int, workers: IWorkers, clock: IReactorTime, most: int = MOST, alone: bool = True
    ) -> None:
        """`workers` needs a thread for this alone, which waits while the reader of a pipe does not read.

        Unless it is `alone`, other processes write to the same pipe. Then lines longer than what the kernel keeps in
        one piece there (PIPE_BUF bytes) are cut, so that each stays one line.
        """
        self._most = most
        self._alone = alone
        self._descriptor = descriptor
        self._workers = workers
        self._clock = clock
        self._lines: list[str] = []
        self._waiting = 0
        self._dropped = 0
        self._timer_runs = False
        self._writing: Deferred[None] | None = None

    def add(self, line: str) -> None:
        """Take a line, its newline included."""
        if self._waiting > self._most:
            self._dropped += 1
            return
        # Few are so long that their bytes have to be counted.
        if not self._alone and 4 * len(line) > select.PIPE_BUF:
            line = _cut(line)
        self._lines.append(line)
        self._waiting += len(line)
        if self._waiting > BATCH:
            self._flush()
        elif not self._timer_runs:
            self._flush_later()

    async def flush(self) -> None:
        """Write what waits; returns when it is written or given up."""
        while self._lines or self._writing is not None:
            self._flush()
            if self._writing is not None:
                done: Deferred[object] = Deferred()
                self._writing.addBoth(done.callback)
                await done

    def _flush_later(self) -> None:
        self._timer_runs = True
        self._clock.callLater(INTERVAL, self._tick)

    def _tick(self) -> None:
        self._timer_runs = False
        self._flush()

    def _flush(self) -> None:
        if self._writing is not None or not self._lines:
            return
        data = _encoded("".join(self._lines))
        self._lines.clear()
        self._waiting = 0
        self._writing = writing = self._workers.run(write_all, self._descriptor, data)
        writing.addErrback(self._failed)
        writing.addCallback(self._written)

    def _written(self, _result: None) -> None:
        self._writing = None
        if self._dropped:
            _log.warn("access log lines dropped", count=self._dropped)
            self._dropped = 0
        if self._lines and not self._timer_runs:
            self._flush_later()

    def _failed(self, failure: Failure) -> None:
        # Nobody reads any more, or the disk is full: serving goes on, and later lines are tried again.
        _log.error("access log cannot be written", reason=failure.getErrorMessage())


def write_all(descriptor: int, data: bytes, patience: float = PATIENCE) -> None:
    """Write lines; raise `TimeoutError` when nothing can be written for `patience` seconds. Blocks no longer.

    The descriptor stays in blocking mode, because that belongs to the open file, which others (a shell) share. A
    piece of PIPE_BUF bytes does not block once poll(2) has said that the pipe can be written, and is not mixed with
    what others write; so pieces end with a line where they can.
    """
    poller = select.poll()
    poller.register(descriptor, select.POLLOUT)
    view, done = memoryview(data), 0
    while done < len(data):
        if not poller.poll(patience * 1000):
            raise TimeoutError("nobody reads it")
        most = done + select.PIPE_BUF
        end = len(data) if len(data) <= most else data.rfind(b"\n", done, most) + 1 or most
        done += os.write(descriptor, view[done:end])


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


def _cut(line: str) -> str:
    data = _encoded(line)
    if len(data) <= select.PIPE_BUF:
        return line
    return data[: select.PIPE_BUF - 4].decode("utf-8", "ignore") + "...\n"
