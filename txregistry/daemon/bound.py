"""A service that has its port before it is started."""

from __future__ import annotations

from collections.abc import Callable

from twisted.application.service import Service
from twisted.internet.interfaces import IListeningPort
from twisted.logger import Logger

from txregistry.daemon.listening import address_text

_log = Logger()


class BoundService(Service):
    """Binds once, whoever asks first."""

    def __init__(self, listen: Callable[[], IListeningPort]) -> None:
        """`listen` raises `CannotListen`."""
        self._listen = listen
        self._port: IListeningPort | None = None

    def bind(self) -> IListeningPort:
        """Listen, unless it does already; raise `CannotListen`. Connections wait until the reactor runs."""
        if self._port is None:
            self._port = self._listen()
            _log.info("listening", address=address_text(self._port.getHost()))
        return self._port

    def privilegedStartService(self) -> None:
        """Bind while the process may still use low ports."""
        super().privilegedStartService()  # type: ignore[no-untyped-call]  # Twisted's own
        self.bind()
