"""The section `http`."""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import urlsplit

from attrs import field, frozen

from txregistry.config.address import Address, BadAddress
from txregistry.config.forms import Form, Place, boolean, choice, duration, listed, mapped, text
from txregistry.config.sections import option, read_section, section
from txregistry.config.tls import TLS, read_tls

# RFC 9110 §5.1 and §5.6.2: a field name is a token.
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# RFC 9110 §5.5, without the historical bytes above ASCII: what cannot end a field or begin another one.
_VALUE = re.compile(r"[\x20-\x7e\t]*")
# These say where a message ends or what becomes of the connection; only the server knows.
_OF_THE_SERVER = frozenset(
    {"connection", "content-length", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
)
_PREFIX = re.compile(r"[A-Za-z0-9._~-]+(?:/[A-Za-z0-9._~-]+)*")


def _base_url(place: Place) -> str:
    """An absolute URL without a slash at its end."""
    given = text.read(place)
    try:
        url = urlsplit(given)
        usable = url.scheme in ("http", "https") and url.hostname and (url.port is None or url.port > 0)
    except ValueError:
        usable = False
    if not usable or url.query or url.fragment or url.username is not None or re.search(r'[^!-~]|["<>\\^`{|}]', given):
        raise place.refusal("must be an absolute URL such as https://registry.example.org")
    return given.rstrip("/")


def _prefix(place: Place) -> str:
    """A path that begins and ends with a slash."""
    inner = text.read(place).strip("/")
    if not inner:
        return "/"
    if _PREFIX.fullmatch(inner) is None or {".", ".."} & set(inner.split("/")):
        raise place.refusal("must be a plain path such as /registry/")
    return f"/{inner}/"


def _value(place: Place) -> str:
    value = place.scalar().text
    if _VALUE.fullmatch(value) is None:
        raise place.refusal("a header's value holds printable ASCII only")
    return value.strip()


def _headers(place: Place) -> tuple[tuple[str, tuple[str, ...]], ...]:
    seen: set[str] = set()
    for name, value in place.entries():
        with place.report.collecting():
            if _TOKEN.fullmatch(name) is None:
                raise value.refusal("not the name of a header")
            if name.lower() in _OF_THE_SERVER:
                raise value.refusal("this header is for the server to set")
            if name.lower() in seen:
                raise value.refusal("the header stands here twice, in different case")
            seen.add(name.lower())
    return _HEADER_VALUES.read(place)


_HEADER_VALUES = mapped(listed(Form("text", _value)))


@frozen
class HTTP:
    """How the registry is reached."""

    addr: str = field(
        default=":5000",
        metadata=option(
            "`HOST:PORT` to listen on, on every address where HOST is empty; the socket's path with net `unix`.",
            text,
        ),
    )
    net: Literal["tcp", "unix"] = field(
        default="tcp", metadata=option("Listen on a TCP port or on a Unix socket.", choice("tcp", "unix"))
    )
    host: str | None = field(
        default=None,
        metadata=option(
            "The URL under which clients reach the registry, for the links in its answers; relative links without it.",
            Form("URL", _base_url),
        ),
    )
    prefix: str = field(
        default="/", metadata=option("The path under which everything is served.", Form("path", _prefix))
    )
    relativeurls: bool = field(default=False, metadata=option("Give relative links although host is set.", boolean))
    secret: str = field(
        default="",
        repr=False,
        metadata=option("Accepted for Distribution's sake: upload sessions need no shared secret here.", text),
    )
    headers: tuple[tuple[str, tuple[str, ...]], ...] = field(
        default=(),
        metadata=option(
            "Headers that are added to every answer, each with its values.",
            Form(_HEADER_VALUES.name, _headers, _HEADER_VALUES.shape),
        ),
    )
    draintimeout: float = field(
        default=0.0,
        metadata=option("How long requests may go on after the signal to stop; at once where zero.", duration),
    )
    tls: TLS | None = field(default=None, metadata=section(TLS, read=read_tls))

    @property
    def address(self) -> Address:
        """Where to listen. Raise `BadAddress` where `net` is not tcp."""
        return Address.parse(self.addr)


def read_http(place: Place) -> HTTP:
    """The section. Raise `Refused`."""
    http = read_section(HTTP, place)
    addr = place.find("addr")
    if http.net == "unix":
        if addr is None:
            raise place.refusal("needs addr, the path of the Unix socket, with net unix")
    elif addr is not None:
        try:
            http.address  # noqa: B018  # parsed for its refusal
        except BadAddress:
            raise addr.refusal("must be HOST:PORT or :PORT, such as :5000 or [::1]:5000") from None
    return http
