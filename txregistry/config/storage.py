"""The section `storage`."""

from __future__ import annotations

from attrs import Factory, evolve, field, frozen

from txregistry.config.distribution import BESIDE_THE_DRIVER, DRIVERS_NOT_HERE
from txregistry.config.forms import Form, Place, at_least, boolean, duration, integer, text
from txregistry.config.sections import option, read_section, section, shape_of
from txregistry.config.shapes import Shape

# Distribution's driver raises what is configured below this.
_FEWEST_THREADS = 25
_HOUR = 3600.0


def _threads(place: Place) -> int:
    return max(_FEWEST_THREADS, integer(at_least=0).read(place))


@frozen
class Filesystem:
    """Keep everything in a folder, in Distribution's layout."""

    rootdirectory: str = field(
        default="/var/lib/registry", metadata=option("The folder in which everything is kept.", text)
    )
    maxthreads: int = field(
        default=100,
        metadata=option(
            f"How many file operations may run at once; at least {_FEWEST_THREADS}, and raised to that.",
            Form("number", _threads),
        ),
    )


@frozen
class InMemory:
    """Keep everything in memory, and lose it at the end of the process: for tests."""


@frozen
class Delete:
    """Whether clients may delete."""

    enabled: bool = field(
        default=False,
        metadata=option("Let clients delete manifests, tags and blobs; otherwise they are answered 405.", boolean),
    )


@frozen
class UploadPurging:
    """Removing upload sessions that nobody has finished."""

    enabled: bool = field(default=True, metadata=option("Remove uploads that were begun long ago.", boolean))
    age: float = field(
        default=168 * _HOUR,
        metadata=option("How old an upload is, counted from its beginning, to be removed.", duration),
    )
    interval: float = field(
        default=24 * _HOUR, metadata=option("From one look at all uploads to the next.", at_least(1.0))
    )
    dryrun: bool = field(default=False, metadata=option("Only log what would be removed.", boolean))


@frozen
class Maintenance:
    """What is done to the whole store."""

    uploadpurging: UploadPurging = field(default=Factory(UploadPurging), metadata=section(UploadPurging))
    readonly: bool = field(
        default=False,
        metadata=option("Refuse every request that changes something with 405.", boolean, key="readonly.enabled"),
    )


@frozen
class Storage:
    """Where content is kept: exactly one driver, and what holds for every driver."""

    driver: Filesystem | InMemory = field(default=Factory(Filesystem))
    delete: Delete = field(default=Factory(Delete), metadata=section(Delete))
    maintenance: Maintenance = field(default=Factory(Maintenance), metadata=section(Maintenance))


DRIVERS: dict[str, type[Filesystem] | type[InMemory]] = {"filesystem": Filesystem, "inmemory": InMemory}

# The keys of which exactly one stands beside those of `Storage`.
DRIVER_SHAPE = Shape(keys={name: shape_of(cls) for name, cls in DRIVERS.items()})


def read_storage(place: Place) -> Storage:
    """The section with its driver. Raise `Refused` unless there is exactly one, and it is here."""
    storage = read_section(Storage, place)
    named = {key: value for key, value in place.entries() if key not in BESIDE_THE_DRIVER}
    for key, value in named.items():
        if key in DRIVERS_NOT_HERE:
            raise value.refusal(f"this storage driver is not supported yet: use one of {', '.join(DRIVERS)}")
        if key not in DRIVERS:
            raise value.refusal(
                f"neither a storage driver ({', '.join(DRIVERS)}) nor an option of all drivers "
                f"({', '.join(BESIDE_THE_DRIVER)})"
            )
    if not named:
        raise place.refusal(f"names no storage driver: one of {', '.join(DRIVERS)}")
    if len(named) > 1:
        raise place.refusal(f"must name exactly one storage driver, not {' and '.join(named)}")
    [(key, value)] = named.items()
    return evolve(storage, driver=read_section(DRIVERS[key], value))
