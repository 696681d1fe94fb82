"""How much of everything one client may take."""

from __future__ import annotations

from attrs import frozen


@frozen
class Limits:
    """Sizes are in bytes, times in seconds, the rate in bytes per second; times are kept to about one second."""

    # Connections at a time; more wait with the kernel until one of these ends. None leaves it to what may be open.
    connections: int | None = None
    # A path with a name of 255 characters, ten `tag=` parameters and a long upload state stay far below this.
    target: int = 8 * 1024
    # The request line and all header fields together; tokens with many scopes pass 16 KiB.
    head: int = 72 * 1024
    fields: int = 200
    # Trailers, chunk sizes and chunk extensions between two bytes of a chunked body.
    chunk_overhead: int = 16 * 1024
    # From the first byte of a head (of the first one: from the connection) to its last.
    head_seconds: float = 30.0
    # Longer than the pools of the usual clients keep a connection (90 s), so that it is they who close.
    idle_seconds: float = 120.0
    # A peer that sends or takes less than this on average, over so long, is cut off.
    minimum_rate: int = 8 * 1024
    rate_seconds: float = 60.0
    # What a client that was answered early, or refused, may still send before it is cut off.
    linger_seconds: float = 5.0
    linger_bytes: int = 64 * 1024 * 1024
    # How long a handler may still wait once the client has closed its side.
    half_closed_seconds: float = 2.0
