"""One line an exchange, in Apache's combined format."""

from __future__ import annotations

import time
from collections.abc import Callable

from txregistry.http.exchange import Exchange

_MAPPED_IPV4 = "::ffff:"


class CombinedFormat:
    """Turns an exchange into its line, the newline included; called for every request, so it is kept cheap.

    The fields are the client's address, `-`, the user or `-`, the time when the request came, its first line, the
    status, the body bytes sent, Referer and User-Agent. What a client chose is escaped: no value can end its field or
    the line.
    """

    def __init__(
        self, now: Callable[[], float] = time.time, local: Callable[[float], time.struct_time] = time.localtime
    ) -> None:
        """`now` gives the seconds since the epoch; `local` turns them into the time of the place."""
        self._now = now
        self._local = local
        self._second = -1
        self._stamp = ""

    def __call__(self, exchange: Exchange) -> str:
        """The line."""
        second = int(self._now() - exchange.duration)
        if second != self._second:
            self._second = second
            self._stamp = time.strftime("%d/%b/%Y:%H:%M:%S %z", self._local(second))
        request = exchange.request
        address = exchange.peer.removeprefix(_MAPPED_IPV4) or "-"
        if request is None:
            return f'{address} - - [{self._stamp}] "-" {exchange.status} {exchange.sent} "-" "-"\n'
        user = "-" if request.user is None else _clean(request.user).replace(" ", "\\x20") or "-"
        referer, agent = request.headers.text(b"referer"), request.headers.text(b"user-agent")
        return (
            f"{address} - {user} [{self._stamp}]"
            f' "{request.method} {_clean(request.target)} HTTP/{request.version}"'
            f' {exchange.status} {exchange.sent} "{_clean(referer)}" "{_clean(agent)}"\n'
        )


def _clean(text: str | None) -> str:
    if not text:
        return "-"
    if text.isprintable() and '"' not in text and "\\" not in text:
        return text
    return "".join(map(_escaped, text))


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode("ascii")
