"""The keys of the built-in token server: which one signs now, and which are still believed."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import DeferredLock
from twisted.logger import Logger

from txregistry.auth.files import Files
from txregistry.auth.keys import BadKey
from txregistry.auth.signing import SigningKey
from txregistry.auth.trust import Trust

_log = Logger()

# How long a look at the files counts, where every key that is asked for is known.
LOOK_SECONDS = 30.0
# And where one is not: it may be another replica's, made a moment ago.
UNKNOWN_SECONDS = 1.0


class Keyring:
    """Keys in files that replicas share.

    One that has signed for `rotation` seconds is followed by a new one, and goes `keep` seconds later, when the last
    token that it signed has run out. Each replica may make one at the same time: all of them count.
    """

    def __init__(self, files: Files, rotation: float, keep: float, now: Callable[[], float]) -> None:
        """`now` tells seconds since the epoch."""
        self._files = files
        self._rotation = rotation
        self._keep = keep
        self._now = now
        self._keys: dict[str, SigningKey] = {}
        self._trust = Trust((), {})
        self._looked = float("-inf")
        self._told: set[str] = set()
        # One look at a time; not of this process's alone, but of all its requests.
        self._lock = DeferredLock()

    async def signer(self) -> SigningKey:
        """The key that signs now; a new one where there is none or the newest is too old."""
        await self._look(LOOK_SECONDS)
        if self._is_due():
            await self._lock.acquire()
            try:
                over = await self._read()
                if self._is_due():
                    await self._add(SigningKey.generate(self._now()))
                    # Only now, so that a store that cannot be written keeps nobody from being believed.
                    for name in over:
                        await self._files.delete(name)
                        _log.info("key of the token server removed", key=name)
            finally:
                self._lock.release()
        return self._newest()

    async def trust(self, key_id: object) -> Trust:
        """All keys that count, that with this name among them if anybody has it."""
        known = isinstance(key_id, str) and key_id in self._keys
        await self._look(LOOK_SECONDS if known else UNKNOWN_SECONDS)
        return self._trust

    def _newest(self) -> SigningKey:
        return max(self._keys.values(), key=lambda key: (key.created, key.key_id))

    def _is_due(self) -> bool:
        return not self._keys or self._now() - self._newest().created >= self._rotation

    def _is_fresh(self, seconds: float) -> bool:
        return 0 <= self._now() - self._looked < seconds

    async def _look(self, seconds: float) -> None:
        if self._is_fresh(seconds):
            return
        await self._lock.acquire()
        try:
            if not self._is_fresh(seconds):
                await self._read()
        finally:
            self._lock.release()

    async def _read(self) -> list[str]:
        """Look at all files; the names of those that count no more."""
        keys: dict[str, SigningKey] = {}
        over: list[str] = []
        for name in await self._files.names():
            key = self._keys.get(name) or await self._load(name)
            if key is None:
                continue
            if self._now() - key.created < self._rotation + self._keep:
                keys[key.key_id] = key
            else:
                over.append(name)
        self._set(keys)
        self._looked = self._now()
        return over

    async def _load(self, name: str) -> SigningKey | None:
        content = await self._files.read(name)
        if content is None:
            return None
        try:
            key = SigningKey.load(content)
        except BadKey:
            key = None
        if key is None or key.key_id != name:
            if name not in self._told:
                self._told.add(name)
                _log.warn("a file among the token server's keys is none", name=name)
            return None
        return key

    async def _add(self, key: SigningKey) -> None:
        await self._files.write(key.key_id, key.dump())
        _log.info("key of the token server made", key=key.key_id)
        self._set({**self._keys, key.key_id: key})

    def _set(self, keys: dict[str, SigningKey]) -> None:
        if keys.keys() != self._keys.keys():
            self._trust = Trust((), {name: key.private.public_key() for name, key in keys.items()})
        self._keys = keys
