"""The stores over one driver, made together because they share one cache and one trash."""

from __future__ import annotations

from attrs import frozen

from txregistry.concurrency.workers import IWorkers
from txregistry.storage.blobs import BlobStore
from txregistry.storage.cache import VersionedCache
from txregistry.storage.interfaces import IStorageDriver
from txregistry.storage.links import LinkStore
from txregistry.storage.trash import Trash


@frozen
class Stores:
    """What the rules of the registry stand on."""

    driver: IStorageDriver
    cache: VersionedCache
    trash: Trash
    links: LinkStore
    blobs: BlobStore

    @classmethod
    def over(cls, driver: IStorageDriver, workers: IWorkers) -> Stores:
        """All stores on this driver; large content is parsed on the workers."""
        cache, trash = VersionedCache(driver, workers), Trash(driver)
        return cls(driver, cache, trash, LinkStore(driver, cache, trash), BlobStore(driver, cache, trash))
