"""The stores over one driver, made together because they share one cache."""

from __future__ import annotations

from attrs import frozen

from txregistry.storage.blobs import BlobStore
from txregistry.storage.cache import VersionedCache
from txregistry.storage.interfaces import IStorageDriver
from txregistry.storage.links import LinkStore


@frozen
class Stores:
    """What the rules of the registry stand on."""

    driver: IStorageDriver
    cache: VersionedCache
    links: LinkStore
    blobs: BlobStore

    @classmethod
    def over(cls, driver: IStorageDriver) -> Stores:
        """All stores on this driver."""
        cache = VersionedCache(driver)
        return cls(driver, cache, LinkStore(driver, cache), BlobStore(driver, cache))
