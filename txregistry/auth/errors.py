"""What keeps a request out."""

from __future__ import annotations

from attrs import frozen

from txregistry.auth.interfaces import Need


@frozen
class BadCredentials(Exception):
    """What was shown is wrong; `reason` is for the log of the server, not for the client."""

    reason: str


@frozen
class UnknownKey(BadCredentials):
    """A token that is signed by a key that nobody here knows, yet."""


@frozen
class BadTokenRequest(Exception):
    """A token was asked for in a way that cannot be answered; `reason` is for whoever asked."""

    reason: str


@frozen
class TooManyAttempts(Exception):
    """Too many wrong passwords came from the address: nothing was looked at. Try again after so many seconds."""

    retry_after: int


@frozen
class SignInUnavailable(Exception):
    """Nobody can tell at the moment whether what was shown is right."""


@frozen
class AuthenticationRequired(Exception):
    """Somebody has to sign in, or with more rights; `challenge` says how."""

    challenge: str
    needs: tuple[Need, ...]


@frozen
class AccessDenied(Exception):
    """It is known who asks, and it is not allowed."""

    needs: tuple[Need, ...]
