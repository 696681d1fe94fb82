"""Where keys and access tokens are kept: small files that every replica sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Files(Protocol):
    """Small files by name."""

    async def read(self, name: str) -> bytes | None:
        """What stands in the file, None where there is none."""

    async def write(self, name: str, content: bytes) -> None:
        """Make or replace it, at once and durably."""

    async def delete(self, name: str) -> bool:
        """Remove it; whether there was one."""

    async def names(self) -> Sequence[str]:
        """The names of all."""
