"""What a directory of users is asked, whatever the library that asks it."""

from __future__ import annotations

import re
from typing import Protocol

from attrs import frozen


@frozen
class Member:
    """A user as the directory writes the name, and the names of his groups."""

    name: str
    groups: frozenset[str]


@frozen
class DirectoryUnavailable(Exception):
    """It cannot be asked, or gives no answer; `reason` is for the log."""

    reason: str

    def __str__(self) -> str:
        return self.reason


class Directory(Protocol):
    """A directory of users."""

    def check(self, user: str, password: bytes) -> Member | None:
        """Who it is, None where there is no such user or the password is wrong.

        Blocks, for workers; raise `DirectoryUnavailable`.
        """


def filled(template: str, **words: str) -> str:
    """A filter with `{word}` replaced by what it stands for, escaped, so that it stays one value (RFC 4515 §3)."""
    return re.sub(r"\{(\w+)\}", lambda found: escaped(words[found[1]]) if found[1] in words else found[0], template)


def escaped(value: str) -> str:
    """Every byte that is no ASCII letter or digit as a backslash and two hexadecimal digits."""
    return "".join(
        chr(byte) if chr(byte).isalnum() and byte < 128 else f"\\{byte:02x}"
        for byte in value.encode("utf-8", "surrogatepass")
    )
