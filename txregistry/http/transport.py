"""Sockets that are written to at once."""

# mypy: disable-error-code="no-untyped-call"
# Twisted has annotated few methods of its descriptors.

from __future__ import annotations

import errno
import os
import select
import socket
from collections import deque
from typing import Any, NoReturn, cast

from twisted.internet import tcp, unix
from twisted.internet.interfaces import IPushProducer
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from zope.interface import implementer

from txregistry.http.watching import Watch
from txregistry.http.wires import IMeasuredTransport, ISendfileTransport

# What one connection receives in one turn of the reactor, at first and at most, and what it sends from its queue.
RECEIVE = 64 * 1024
RECEIVE_MOST = 1024 * 1024
SEND = 1024 * 1024
# The most pieces that one system call takes (IOV_MAX).
VECTOR = 1024

_FULL = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR, errno.ENOBUFS)
# Trouble of the socket rather than of a file that is sent on it.
_SOCKET_TROUBLE = (errno.EPIPE, errno.ECONNRESET, errno.ETIMEDOUT, errno.ENOTCONN)


@implementer(ISendfileTransport, IMeasuredTransport)
class ImmediateServer(tcp.Server):
    """A server's TCP socket that sends when it is written to, and queues only what the kernel refused.

    The producer is paused as soon as something is queued and resumed when all of it is sent. A write that fails is
    queued as well: the reactor then finds the socket broken and reports the loss, never the caller of `write`.
    """

    bufferSize = RECEIVE

    def __init__(self, watch: Watch, *args: Any) -> None:
        self._watch = watch
        super().__init__(*args)
        self._queue: deque[bytes | memoryview] = deque()
        # A head and the file behind it are two writes; Nagle's algorithm would hold back the second.
        self.setTcpNoDelay(True)

    def startReading(self) -> None:
        """Receive what comes."""
        self._watch.add(self, select.EPOLLIN)

    def stopReading(self) -> None:
        """Leave with the kernel what comes."""
        self._watch.remove(self, select.EPOLLIN)

    def startWriting(self) -> None:
        """Hear when there is room."""
        self._watch.add(self, select.EPOLLOUT)

    def stopWriting(self) -> None:
        """Hear no more of it."""
        self._watch.remove(self, select.EPOLLOUT)

    def startTLS(self, ctx: object, normal: object = True) -> NoReturn:
        """Refused: what this class sends would go around Twisted's TLS, in plain text."""
        raise RuntimeError("TLS is a protocol on top of this transport: txregistry.http.tls")

    def write(self, data: bytes) -> None:
        """Send, or queue what the kernel does not take."""
        self._write(data, 0)

    def write_more(self, data: bytes) -> None:
        """See `ISendfileTransport`."""
        self._write(data, socket.MSG_MORE)

    def writeSequence(self, iovec: Any) -> None:
        """Send pieces as one."""
        self._write(b"".join(iovec), 0)

    @property
    def unsent(self) -> int:
        """See `IMeasuredTransport`."""
        return sum(map(len, self._queue))

    def sendfile(self, fd: int, offset: int, count: int) -> int | None:
        """See `ISendfileTransport`."""
        if not self.connected or self._queue:
            return None
        try:
            sent = os.sendfile(self.fileno(), fd, offset, count)
        except OSError as problem:
            if problem.errno not in _FULL and problem.errno not in _SOCKET_TROUBLE:
                raise
            self._wait_for_room()
            return None
        if 0 < sent < count:
            self._wait_for_room()
        return sent

    def resumeProducing(self) -> None:
        """Receive again, in small pieces at first: whoever paused us gets little more than it has room for."""
        self.bufferSize = RECEIVE
        super().resumeProducing()

    def doRead(self) -> Any:
        """Hand up what has come. Whoever sends faster than it is received is given more room, in which each byte costs
        less; whoever does not leaves no memory waiting to be filled."""
        room = self.bufferSize
        try:
            data = self.socket.recv(room)
        except OSError as problem:
            return None if problem.errno in _FULL else CONNECTION_LOST
        if not data:
            return CONNECTION_DONE
        if len(data) == room:
            self.bufferSize = min(2 * room, RECEIVE_MOST)
        elif len(data) < room // 4:
            self.bufferSize = max(room // 2, RECEIVE)
        self.protocol.dataReceived(data)
        return None

    def doWrite(self) -> Any:
        """The socket has room: send from the queue, then let the producer go on, or close as was asked."""
        if self._queue:
            try:
                sent = self.socket.sendmsg(self._vector())
            except OSError as problem:
                return None if problem.errno in _FULL else CONNECTION_LOST
            self._forget(sent)
            if self._queue:
                return None
        self.stopWriting()
        if self.producer is not None and self.producerPaused:
            self.producerPaused = False
            cast(IPushProducer, self.producer).resumeProducing()
        elif self.disconnecting:
            return self._postLoseConnection()
        elif self._writeDisconnecting:
            self._writeDisconnected = True
            return self._closeWriteConnection()
        return None

    def _write(self, data: bytes, flags: int) -> None:
        if not self.connected or self._writeDisconnected or not data:
            return
        sent = 0
        if not self._queue:
            try:
                sent = self.socket.send(data, flags)
            except OSError:
                sent = 0
            if sent == len(data):
                return
        self._queue.append(memoryview(data)[sent:] if sent else data)
        self._wait_for_room()

    def _vector(self) -> list[bytes | memoryview]:
        vector: list[bytes | memoryview] = []
        size = 0
        for piece in self._queue:
            vector.append(piece)
            size += len(piece)
            if size >= SEND or len(vector) == VECTOR:
                break
        return vector

    def _forget(self, sent: int) -> None:
        """Drop so many bytes from the front of the queue."""
        queue = self._queue
        while sent:
            piece = queue.popleft()
            if sent < len(piece):
                queue.appendleft(memoryview(piece)[sent:])
                return
            sent -= len(piece)

    def _wait_for_room(self) -> None:
        self.startWriting()
        if self.producer is not None and self.streamingProducer and not self.producerPaused:
            self.producerPaused = True
            cast(IPushProducer, self.producer).pauseProducing()


class ImmediateUnixServer(ImmediateServer):
    """The same for a Unix socket."""

    def __init__(
        self, watch: Watch, sock: Any, protocol: Any, client: Any, server: Any, sessionno: Any, reactor: Any
    ) -> None:
        super().__init__(watch, sock, protocol, (client, None), server, sessionno, reactor)

    getHost = unix.Server.getHost
    getPeer = unix.Server.getPeer
    getTcpNoDelay = unix.Server.getTcpNoDelay
    setTcpNoDelay = unix.Server.setTcpNoDelay
