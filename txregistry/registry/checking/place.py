"""How far a check has come, so that another may go on from there."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from enum import Enum

from attrs import frozen

# Told of the digest or the repository's name up to which all is done.
Reached = Callable[[str], Awaitable[None]]


class Phase(Enum):
    """What a check does first and second."""

    BLOBS = "blobs"
    REPOSITORIES = "repositories"


@frozen
class Place:
    """Everything up to `last`, a digest or a folder below repositories, is done in this phase; "" at its beginning."""

    phase: Phase = Phase.BLOBS
    last: str = ""


@frozen
class Plan:
    """What is remembered between checks: the place in the one that is not finished, or when the next is due.

    `due` is in seconds since the epoch.
    """

    due: float
    place: Place | None = None

    def encode(self) -> bytes:
        """As it stands in the file."""
        place = None if self.place is None else [self.place.phase.value, self.place.last]
        return json.dumps({"due": self.due, "place": place}).encode()

    @classmethod
    def decode(cls, content: bytes) -> Plan | None:
        """None where something else stands there."""
        try:
            document = json.loads(content)
            due, place = float(document["due"]), document["place"]
            return cls(due, None if place is None else Place(Phase(place[0]), str(place[1])))
        except (ValueError, TypeError, LookupError):
            return None
