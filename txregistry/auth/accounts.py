"""Which accounts there are, for what was given out to their users earlier."""

from __future__ import annotations

import hashlib

from attrs import frozen

from txregistry.auth.passwordfile import PasswordFile


@frozen
class PasswordFileAccounts:
    """Those of a password file, as it is now."""

    file: PasswordFile

    async def stamp(self, user: str) -> str | None:
        """A text that changes with the user's password; None where there is no such user."""
        passwords = self.file.current() or await self.file.read()
        digest = passwords.hashes.get(user)
        # A hash of the hash, which has a salt: it tells nobody anything.
        return None if digest is None else hashlib.sha256(digest).hexdigest()[:32]
