"""Access tokens for machines: named, limited to some repositories, expiring, revocable, and kept as hashes alone."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence

from attrs import field, frozen
from twisted.logger import Logger

from txregistry.auth.errors import BadTokenRequest
from txregistry.auth.files import Files
from txregistry.auth.rules import expression

_log = Logger()

# By this everybody can tell that it is one, those who look for secrets in published files included.
PREFIX = "txr_"
# More than any user has machines.
MOST_PER_USER = 100
LONGEST_SECONDS = 10 * 365 * 86400.0
_SECRET = re.compile(rf"{PREFIX}([0-9a-f]{{16}})_([A-Za-z0-9_-]{{43}})")
_ID = re.compile(r"[0-9a-f]{16}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_GLOB = re.compile(r"[a-z0-9._/*?-]{1,255}")
# With more of them one name could take long to match.
_MOST_WILDCARDS = 2
_MOST_SCOPES = 20
_WORDS = {"pull": frozenset({"pull"}), "push": frozenset({"pull", "push"}), "delete": frozenset({"delete"})}
_NOTHING: frozenset[str] = frozenset()


@frozen
class TokenScope:
    """Repositories by a pattern, as in the rules, and what the token is good for there: pull, push (and pull), delete.

    Written as `library/**:pull,push`.
    """

    pattern: str
    actions: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.pattern}:{','.join(self.actions)}"

    @classmethod
    def parse(cls, text: str) -> TokenScope:
        """Raise `BadTokenRequest`."""
        pattern, _, words = text.rpartition(":")
        actions = tuple(words.split(","))
        if _GLOB.fullmatch(pattern) is None or len(re.findall(r"\*+|\?", pattern)) > _MOST_WILDCARDS:
            raise BadTokenRequest(f"a scope is PATTERN:ACTIONS, the pattern with at most {_MOST_WILDCARDS} wildcards")
        if not _WORDS.keys() >= set(actions):
            raise BadTokenRequest(f"the actions of a scope are some of {', '.join(_WORDS)}")
        return cls(pattern, actions)


class LimitedScopes(Mapping[tuple[str, str], frozenset[str]]):
    """What an access token stretches to, as the actions on each resource that is asked for."""

    def __init__(self, scopes: Sequence[TokenScope]) -> None:
        self._scopes = [
            (expression(scope.pattern), _NOTHING.union(*(_WORDS[word] for word in scope.actions))) for scope in scopes
        ]
        # The catalog names every repository.
        self._catalog = any(scope.pattern == "**" and ",".join(scope.actions) != "delete" for scope in scopes)

    def __getitem__(self, resource: tuple[str, str]) -> frozenset[str]:
        kind, name = resource
        if kind == "repository":
            return _NOTHING.union(*(actions for names, actions in self._scopes if names.fullmatch(name)))
        if resource == ("registry", "catalog") and self._catalog:
            return frozenset({"*"})
        raise KeyError(resource)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(())

    def __len__(self) -> int:
        return len(self._scopes)


@frozen
class MachineToken:
    """What is kept of a token. `created` and `expires` are in seconds since the epoch."""

    id: str
    name: str
    user: str
    scopes: tuple[TokenScope, ...]
    created: float
    expires: float
    digest: str = field(repr=False)

    def dump(self) -> bytes:
        """For its file, whose name is the id."""
        document = {
            "name": self.name,
            "user": self.user,
            "scopes": [str(scope) for scope in self.scopes],
            "created": self.created,
            "expires": self.expires,
            "sha256": self.digest,
        }
        return json.dumps(document).encode("ascii")

    @classmethod
    def load(cls, name: str, content: bytes) -> MachineToken | None:
        """From its file; None for what is none."""
        try:
            document = json.loads(content)
            scopes = tuple(TokenScope.parse(text) for text in document["scopes"])
            created, expires = float(document["created"]), float(document["expires"])
            return cls(
                name, str(document["name"]), str(document["user"]), scopes, created, expires, str(document["sha256"])
            )
        except (ValueError, TypeError, KeyError, AttributeError, BadTokenRequest):
            return None


class MachineTokens:
    """All of them, in small files that replicas share: what is revoked in one place is nowhere found any more."""

    def __init__(self, files: Files, now: Callable[[], float]) -> None:
        """`now` tells seconds since the epoch."""
        self._files = files
        self._now = now

    async def create(
        self, user: str, name: str, scopes: Sequence[TokenScope], seconds: float
    ) -> tuple[MachineToken, str]:
        """A new one and the secret, which cannot be learned again. Raise `BadTokenRequest`.

        Of two that are made at the same time under one name both may come into being.
        """
        if _NAME.fullmatch(name) is None:
            raise BadTokenRequest("a name has at most 64 letters, digits, dots, hyphens and underscores")
        if not user or ":" in user or not user.isprintable():
            raise BadTokenRequest("a user's name is printable and has no colon")
        if not 0 < len(scopes) <= _MOST_SCOPES:
            raise BadTokenRequest(f"a token has 1 to {_MOST_SCOPES} scopes")
        if not 1 <= seconds <= LONGEST_SECONDS:
            raise BadTokenRequest("a token lasts at least a second and at most ten years")
        others = await self.of(user)
        if any(other.name == name for other in others):
            raise BadTokenRequest(f"{user} has a token called {name} already")
        if len(others) >= MOST_PER_USER:
            raise BadTokenRequest(f"{user} has {MOST_PER_USER} tokens already")
        now, key, secret = self._now(), secrets.token_hex(8), secrets.token_urlsafe(32)
        token = MachineToken(key, name, user, tuple(scopes), now, now + seconds, _digest(secret))
        await self._files.write(key, token.dump())
        _log.info("access token made", user=user, name=name, token=key)
        return token, f"{PREFIX}{key}_{secret}"

    async def all(self) -> list[MachineToken]:
        """Those that count; what has expired is removed on the way."""
        found = []
        for name in await self._files.names():
            token = await self._load(name)
            if token is None:
                continue
            if token.expires <= self._now():
                await self._files.delete(name)
            else:
                found.append(token)
        return found

    async def of(self, user: str) -> list[MachineToken]:
        """Those of one user."""
        return [token for token in await self.all() if token.user == user]

    async def revoke(self, token: MachineToken) -> None:
        """It counts no more."""
        await self._files.delete(token.id)
        _log.info("access token revoked", user=token.user, name=token.name, token=token.id)

    async def get(self, key: str) -> MachineToken | None:
        """The one with this id, if it counts still."""
        token = await self._load(key) if _ID.fullmatch(key) else None
        return token if token is not None and self._now() < token.expires else None

    async def find(self, password: str) -> MachineToken | None:
        """The one whose secret this is."""
        parts = _SECRET.fullmatch(password)
        token = None if parts is None else await self.get(parts[1])
        if parts is None or token is None or not hmac.compare_digest(token.digest, _digest(parts[2])):
            return None
        return token

    async def _load(self, key: str) -> MachineToken | None:
        content = await self._files.read(key)
        return None if content is None else MachineToken.load(key, content)


def is_secret(password: bytes) -> bool:
    """Whether it is written as the secret of a token is, as no password that somebody has chosen."""
    return _SECRET.fullmatch(password.decode("ascii", "replace")) is not None


def _digest(secret: str) -> str:
    """256 random bits need no slow hash: nobody can try them all."""
    return hashlib.sha256(secret.encode("ascii")).hexdigest()
