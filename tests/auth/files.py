"""Password files and what a client sends, for the tests of signing in."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import bcrypt
from twisted.internet.task import Clock

from txregistry.auth.htpasswd import HtpasswdAuthenticator
from txregistry.auth.interfaces import Credentials
from txregistry.auth.passwordfile import LOOK_SECONDS, PasswordFile
from txregistry.concurrency.workers import InlineWorkers

# The lowest cost that there is: tests compute many.
COST = 4


def entry(user: str, password: str, cost: int = COST) -> str:
    return f"{user}:{bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(cost)).decode()}\n"


def settle(path: Path, seconds: int) -> None:
    """Let the file look as if it had been written so long ago (times that are too young are not trusted)."""
    os.utime(path, (1_000_000_000 + seconds, 1_000_000_000 + seconds))


def basic(user: str, password: str | bytes, peer: str = "192.0.2.1") -> Credentials:
    raw = user.encode() + b":" + (password.encode() if isinstance(password, str) else password)
    return Credentials(basic_header(raw), peer)


def basic_header(raw: bytes) -> str:
    return f"Basic {base64.b64encode(raw).decode()}"


class CountingWorkers(InlineWorkers):
    """Counts what is sent to them."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def run(self, function, *args, **kwargs):  # type: ignore[no-untyped-def]  # as its base class has it
        """See `IWorkers`."""
        self.names.append(function.__name__)
        return super().run(function, *args, **kwargs)

    @property
    def checks(self) -> int:
        return self.names.count("matches")


class SignIn:
    """An authenticator over a file in a folder."""

    def __init__(self, folder: Path, content: str) -> None:
        self.path = folder / "htpasswd"
        self._times = 0
        self.clock = Clock()
        self.workers = CountingWorkers()
        self.write(content)
        file = PasswordFile(str(self.path), self.workers, self.clock)
        self.authenticator = HtpasswdAuthenticator("the realm", file, self.workers, self.clock)

    def write(self, content: str) -> None:
        self._times += 1
        self.path.write_text(content)
        settle(self.path, self._times)
        self.clock.advance(LOOK_SECONDS)
