"""The section `txregistry`: what Distribution does not have, and ignores."""

from __future__ import annotations

from attrs import Factory, field, frozen

from txregistry.config.access import Access, doubt_unknown_groups
from txregistry.config.certificates import CertificateUsers
from txregistry.config.forms import Form, Place, at_least, boolean, integer, listed
from txregistry.config.ldap import LDAP, read_ldap
from txregistry.config.sections import option, read_section, section
from txregistry.config.tokens import Tokens
from txregistry.config.windows import ALL_DAY, Window, window

_HOUR = 3600.0
_MIB = 1024 * 1024

# More is a slip of the pen.
_MOST_WORKERS = 512

# The shortest grace: below it, the time that a request takes would count.
_SHORTEST = 1.0


def _windows(place: Place) -> tuple[Window, ...]:
    return listed(window).read(place) or (ALL_DAY,)


@frozen
class Collection:
    """Removing what nobody needs, while the registry serves.

    `enabled` is None where nothing was written: then a store that another registry made is only reported on.
    """

    enabled: bool | None = field(
        default=None,
        metadata=option(
            "Remove regularly what no manifest names. In a store that another registry made this only reports, until "
            "`true` is written here or `txregistry adopt` was run.",
            boolean,
            shown="true",
        ),
    )
    interval: float = field(default=1 * _HOUR, metadata=option("From one run to the next.", at_least(_SHORTEST)))
    grace: float = field(
        default=24 * _HOUR,
        metadata=option(
            "How long whoever pushed something, or was told that it exists, may take until a manifest names it; at "
            "least `1s`. The same in every process that serves the store.",
            at_least(_SHORTEST),
        ),
    )
    trash: float = field(
        default=24 * _HOUR,
        metadata=option(
            "How long what was removed waits, and comes back as soon as anybody asks for it; at least `1s`.",
            at_least(_SHORTEST),
        ),
    )
    deleteuntagged: bool = field(
        default=False,
        metadata=option(
            "Remove manifests that have no tag, unless an index or the subject they refer to is kept.", boolean
        ),
    )
    window: tuple[Window, ...] = field(
        default=(ALL_DAY,),
        metadata=option(
            "The times of the day, by the local time of the server, in which a run may begin.",
            Form(f"list of {window.name}", _windows, listed(window).shape),
            shown=str(ALL_DAY),
        ),
    )
    rate: int | None = field(
        default=None,
        metadata=option("How many files may be looked at in a second; no limit where empty.", integer(at_least=1)),
    )


@frozen
class Scrub:
    """Reading everything again now and then, to find what the disk has damaged."""

    enabled: bool = field(default=True, metadata=option("Read all content again regularly, and check it.", boolean))
    interval: float = field(
        default=720 * _HOUR,
        metadata=option("From the beginning of one round to that of the next.", at_least(_SHORTEST)),
    )
    rate: int = field(default=20, metadata=option("How many MiB may be read in a second.", integer(at_least=1)))

    @property
    def bytes_per_second(self) -> int:
        """The rate in bytes."""
        return self.rate * _MIB


def _workers(place: Place) -> int | None:
    if place.scalar().text.lower() == "auto":
        return None
    count = integer(at_least=1).read(place)
    if count > _MOST_WORKERS:
        raise place.refusal(f"must be at most {_MOST_WORKERS}")
    return count


@frozen
class Own:
    """What only this registry has."""

    access: Access | None = field(default=None, metadata=section(Access))
    certificates: CertificateUsers | None = field(default=None, metadata=section(CertificateUsers))
    collection: Collection = field(default=Factory(Collection), metadata=section(Collection))
    ldap: LDAP | None = field(default=None, metadata=section(LDAP, read=read_ldap))
    scrub: Scrub = field(default=Factory(Scrub), metadata=section(Scrub))
    tokens: Tokens | None = field(default=None, metadata=section(Tokens))
    verifyreads: bool = field(
        default=False,
        metadata=option(
            "Check every blob while it is sent: the connection breaks before the last byte of a damaged one.",
            boolean,
        ),
    )
    # None stands for `auto`.
    workers: int | None = field(
        default=1,
        metadata=option(
            "How many processes serve; `auto` for one on each processor that may be used. What is limited or kept for "
            "a process, such as `maxthreads`, counts for each of them.",
            Form("number or `auto`", _workers),
        ),
    )

    @property
    def knows_groups(self) -> bool:
        """Whether a way to sign in says which groups a user is in."""
        by_certificate = self.certificates is not None and self.certificates.groups != "none"
        return by_certificate or (self.ldap is not None and bool(self.ldap.groupfilter))


def read_own(place: Place) -> Own:
    """The section. Raise `Refused`."""
    own, access = read_section(Own, place), place.find("access")
    if own.access is not None and access is not None and not own.knows_groups:
        doubt_unknown_groups(own.access, access)
    return own
