"""The address on which a TCP port listens."""

from __future__ import annotations

import re

from attrs import frozen

_ADDRESS = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|(?P<host>[A-Za-z0-9._-]*)):(?P<port>[0-9]{1,5})")
_HIGHEST_PORT = 65535


@frozen
class BadAddress(Exception):
    """Not of the form `HOST:PORT`."""

    text: str


@frozen
class Address:
    """`host` is empty for all addresses, IPv4 and IPv6; port 0 lets the system choose one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """Of `:5000`, `127.0.0.1:5000`, `localhost:5000` or `[::1]:5000`. Raise `BadAddress`."""
        found = _ADDRESS.fullmatch(text)
        if found is None or int(found["port"]) > _HIGHEST_PORT:
            raise BadAddress(text)
        return cls(found["v6"] or found["host"] or "", int(found["port"]))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
