"""The password file as it is now: read again when it has changed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txregistry.auth.passwords import Passwords, parse_passwords, read_passwords
from txregistry.concurrency.workers import IWorkers

_log = Logger()

# A change within the same tick of the filesystem's clock could not be seen in the file's time.
_SETTLED_NANOSECONDS = 2_000_000_000

# A look at the file costs half of what a small request does.
LOOK_SECONDS = 0.1

_Version = tuple[int, int, int]


class PasswordFile:
    """What stands in the file counts a moment later; while it cannot be read, nobody is let in."""

    def __init__(
        self, path: str, workers: IWorkers, clock: IReactorTime, now: Callable[[], int] = time.time_ns
    ) -> None:
        """`now` tells nanoseconds since the epoch."""
        self._clock = clock
        self._next_look = float("-inf")
        self._path = path
        self._workers = workers
        self._now = now
        self._version: _Version | None = None
        self._passwords = parse_passwords(b"")
        self._problem: str | None = None

    def current(self) -> Passwords | None:
        """What stands in it, None where it has to be read first."""
        now = self._clock.seconds()
        if now >= self._next_look:
            version = self._look()
            if version is None or version != self._version:
                return None
            self._next_look = now + LOOK_SECONDS
        return self._passwords

    async def read(self) -> Passwords:
        """What stands in it; equal to what was read before, it is the same object."""
        self._next_look = float("-inf")
        version = self._look()
        try:
            passwords = await self._workers.run(read_passwords, self._path)
        except OSError as error:
            self._version, passwords = None, parse_passwords(b"")
            self._tell(error.strerror or str(error))
        else:
            settled = version is not None and self._now() - version[0] > _SETTLED_NANOSECONDS
            self._version = version if settled else None
            self._problem = None
        if passwords != self._passwords:
            self._passwords = passwords
            _log.info("password file read", path=self._path, users=len(passwords.hashes))
            if passwords.ignored:
                _log.warn("lines without a bcrypt entry are ignored", path=self._path, lines=passwords.ignored)
        return self._passwords

    def _look(self) -> _Version | None:
        try:
            status = os.stat(self._path)
        except OSError:
            return None
        return status.st_mtime_ns, status.st_ino, status.st_size

    def _tell(self, problem: str) -> None:
        if problem != self._problem:
            self._problem = problem
            _log.error("the password file cannot be read: nobody can sign in", path=self._path, reason=problem)
