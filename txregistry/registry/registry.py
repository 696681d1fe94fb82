"""The rules of a registry, assembled over one store."""

from __future__ import annotations

import time
from collections.abc import Callable

from attrs import frozen
from twisted.internet.interfaces import IReactorTime

from txregistry.concurrency.turns import Turns
from txregistry.concurrency.workers import IWorkers
from txregistry.config.model import Validation
from txregistry.registry.blobs import RepositoryBlobs
from txregistry.registry.catalog import Catalog
from txregistry.registry.collection.collector import Collector
from txregistry.registry.deletion import RepositoryDeletion
from txregistry.registry.leases import Leases
from txregistry.registry.locks import FolderLocks
from txregistry.registry.manifests import Manifests
from txregistry.registry.parsing import ManifestParsing
from txregistry.registry.progress import Progress
from txregistry.registry.purging import Purging
from txregistry.registry.referrers import Referrers
from txregistry.registry.revisions import Revisions
from txregistry.registry.tags import Tags
from txregistry.registry.takeover import Holds
from txregistry.registry.uploads import Uploads
from txregistry.registry.validation import References
from txregistry.registry.verified import VerifiedBlobs
from txregistry.storage.interfaces import IStorageDriver
from txregistry.storage.stores import Stores


@frozen
class Registry:
    """What can be done.

    The methods of what serves requests, but for the catalog's, take the repository's name first. Long loops of others
    take `turns` with its own.
    """

    blobs: RepositoryBlobs
    uploads: Uploads
    manifests: Manifests
    tags: Tags
    referrers: Referrers
    catalog: Catalog
    deletion: RepositoryDeletion
    collector: Collector
    purging: Purging
    turns: Turns

    @classmethod
    def over(
        cls,
        driver: IStorageDriver,
        workers: IWorkers,
        clock: IReactorTime,
        validation: Validation,
        boot: str,
        grace: float | None,
        now: Callable[[], float] = time.time,
        verify_reads: bool = False,
    ) -> Registry:
        """On this driver. `boot` is a text that differs after every start of the machine.

        `grace`, in seconds, is how long whoever was told that something exists may count on it; None where nothing may
        be written. `now` tells seconds since the epoch. With `verify_reads` content is hashed whenever it is read.
        """
        stores, turns = Stores.over(driver, workers), Turns(clock)
        leases = Leases(driver, stores.trash, grace, now)
        verified = VerifiedBlobs(stores, workers) if verify_reads else None
        locks = FolderLocks(driver, clock)
        blobs, revisions = RepositoryBlobs(stores, leases, verified), Revisions(stores, leases, locks, verify_reads)
        tags = Tags(stores, turns, locks)
        parsing = ManifestParsing(workers)
        referrers = Referrers(stores, revisions, parsing, turns)
        references = References(validation, blobs, revisions)
        uploads = Uploads(stores, blobs, Holds(driver, clock), Progress(driver, boot))
        manifests = Manifests(parsing, revisions, tags, referrers, references)
        catalog = Catalog(stores, turns)
        collector = Collector(stores, workers, tags, catalog, turns, clock, now)
        purging = Purging(driver, catalog, turns, now)
        deletion = RepositoryDeletion(stores, catalog, revisions, locks, purging, turns)
        return cls(blobs, uploads, manifests, tags, referrers, catalog, deletion, collector, purging, turns)
