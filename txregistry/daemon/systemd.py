"""What systemd is told, and what it hands over: sd_notify(3), the watchdog and inherited sockets."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

from twisted.python.systemd import ListenFDs


class Notifier:
    """Tells the service manager of a change of state; does nothing where there is none."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """The environment names the manager's socket (NOTIFY_SOCKET) and the watchdog's period."""
        self._address = environ.get("NOTIFY_SOCKET", "")
        self._watchdog_usec = environ.get("WATCHDOG_USEC", "")

    @property
    def watchdog(self) -> float | None:
        """How often to call `alive`, in seconds: half of what the manager allows; None where it does not watch."""
        if not self._address or not self._watchdog_usec.isdecimal() or int(self._watchdog_usec) == 0:
            return None
        return int(self._watchdog_usec) / 2_000_000

    def ready(self) -> None:
        """The service answers."""
        self._send("READY=1")

    def stopping(self) -> None:
        """The service takes no more connections."""
        self._send("STOPPING=1")

    def alive(self) -> None:
        """The service could do its work a moment ago."""
        self._send("WATCHDOG=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        # A leading @ means the abstract namespace, which the kernel writes as a NUL.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.setblocking(False)
            try:
                channel.connect(address)
                channel.send(message.encode("ascii"))
            except OSError:
                pass  # The manager is gone or too busy; that must not stop the service.


def environment_at_start() -> dict[str, str]:
    """The environment that the process was started with; empty where there is no Linux to tell it.

    Twisted's endpoints take LISTEN_FDS out of `os.environ` when they are imported, for a private use of their own.
    """
    try:
        with open("/proc/self/environ", "rb") as file:
            pairs = os.fsdecode(file.read()).split("\0")
    except OSError:
        return {}
    return {name: value for name, _, value in (pair.partition("=") for pair in pairs)}


def inherited_sockets(environ: Mapping[str, str]) -> list[int]:
    """Descriptors of listening sockets that were opened for this process (sd_listen_fds(3)), in order."""
    return ListenFDs.fromEnvironment(dict(environ)).inheritedDescriptors()
