"""Manifests that name another one as their subject."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Sequence
from contextlib import suppress
from itertools import compress

from txregistry.concurrency.turns import Turns
from txregistry.oci.digest import HEX_LENGTHS, Digest
from txregistry.oci.errors import DigestInvalid, ManifestInvalid, ManifestUnknown
from txregistry.oci.manifest import Manifest
from txregistry.oci.names import RepositoryName
from txregistry.oci.referrers import referrers_descriptor
from txregistry.registry.parsing import ManifestParsing
from txregistry.registry.revisions import Revisions
from txregistry.storage import layout
from txregistry.storage.errors import PathNotFound, StorageFailure
from txregistry.storage.stores import Stores

# A folder's time and the time at which a scan began come from clocks of different grain.
_SLACK_SECONDS = 2.0
# How many repositories are remembered as unchanged since they were scanned.
_REMEMBERED = 1000
# How many files are looked at in one go: a fraction of a millisecond.
_RUN = 128


class Referrers:
    """Keeps one small file per referrer, which holds its descriptor.

    Another registry on the same folder writes none, so a repository whose revisions changed is scanned before it
    is asked: what is newer than the last scan is read and filed.
    """

    def __init__(self, stores: Stores, revisions: Revisions, parsing: ManifestParsing, turns: Turns) -> None:
        self._stores = stores
        self._parsing = parsing
        self._revisions = revisions
        self._turns = turns
        self._unchanged: dict[RepositoryName, tuple[object, ...]] = {}

    async def add(self, name: RepositoryName, manifest: Manifest, digest: Digest, size: int) -> None:
        """File a manifest under its subject, durably."""
        await self._file(name, manifest, digest, size, durable=True)

    async def remove(self, name: RepositoryName, subject: Digest, digest: Digest) -> None:
        """Forget a referrer; nothing happens when it is not known."""
        folder = layout.referrers(name, subject)
        try:
            await self._stores.driver.delete(layout.referrer(name, subject, digest))
            await self._stores.driver.remove_empty(folder)
        except PathNotFound:
            pass

    async def page(
        self, name: RepositoryName, subject: Digest, artifact_type: str | None, last: str | None, limit: int
    ) -> tuple[list[bytes], str | None]:
        """Descriptors, as JSON, of the subject's referrers behind `last`, and the key to go on with, if any.

        Nothing is known of a repository or subject that does not exist: an empty page
        (distribution-spec, "Listing Referrers": "If the registry supports the referrers API … MUST NOT return a 404").
        """
        await self._scan(name)
        folder = layout.referrers(name, subject)
        try:
            keys = await self._stores.cache.listing(folder)
        except PathNotFound:
            return [], None
        found: list[bytes] = []
        loop = self._turns.loop()
        at = bisect_right(keys, last) if last else 0
        while at < len(keys):
            if len(found) == limit:
                return found, keys[at - 1]
            await loop.take()
            run = keys[at : at + min(_RUN, limit - len(found))]
            found += await self._told(name, folder, run, artifact_type)
            at += len(run)
        return found, None

    async def _told(
        self, name: RepositoryName, folder: str, keys: Sequence[str], artifact_type: str | None
    ) -> list[bytes]:
        """What there is to tell of those that are filed under these keys."""
        descriptors: list[bytes] = []
        digests: list[Digest] = []
        filed = await self._stores.cache.read_each(folder, keys, _parse_descriptor)
        for key, descriptor in zip(keys, filed, strict=True):
            if descriptor is not None and (artifact_type is None or descriptor[0] == artifact_type):
                digest = _parse_key(key)
                if digest is not None and descriptor[1]:
                    digests.append(digest)
                    descriptors.append(descriptor[1])
        return list(compress(descriptors, await self._revisions.claim_each(name, digests)))

    async def _file(self, name: RepositoryName, manifest: Manifest, digest: Digest, size: int, durable: bool) -> None:
        if manifest.subject is None:
            return
        written = referrers_descriptor(manifest, digest, size).encode()
        path = layout.referrer(name, manifest.subject.digest, digest)
        await self._stores.driver.write(path, written, durable)

    async def _scan(self, name: RepositoryName) -> None:
        versions = [await self._version(name, algorithm) for algorithm in HEX_LENGTHS]
        if versions == ["absent"] * len(versions) or tuple(versions) == self._unchanged.get(name):
            return
        marker = layout.referrers_scanned(name)
        started = 0.0
        try:
            scanned_until = float((await self._stores.driver.read(marker)).data)
        except (PathNotFound, ValueError):
            scanned_until = 0.0
        for algorithm in HEX_LENGTHS:
            started = max(started, await self._scan_algorithm(name, algorithm, scanned_until - _SLACK_SECONDS))
        if started > scanned_until:
            # On a disk that is full or read-only the next process looks at everything again; that is no reason to fail.
            with suppress(StorageFailure):
                await self._stores.driver.write(marker, repr(started).encode(), durable=False)
        if None not in versions:
            while len(self._unchanged) >= _REMEMBERED:
                self._unchanged.pop(next(iter(self._unchanged)))
            self._unchanged[name] = tuple(versions)

    async def _scan_algorithm(self, name: RepositoryName, algorithm: str, since: float) -> float:
        """File what is newer than `since`; return the newest time seen, by the store's clock."""
        newest = 0.0
        loop = self._turns.loop()
        folder = layout.revisions(name, algorithm)
        names = await self._names(folder)
        for start in range(0, len(names), _RUN):
            await loop.take()
            run = names[start : start + _RUN]
            for encoded, info in zip(run, await self._stores.driver.stat_each(folder, run), strict=True):
                if info is not None:
                    newest = max(newest, info.changed)
                    if info.changed >= since:
                        await loop.take()
                        await self._scan_one(name, f"{algorithm}:{encoded}")
        return newest

    async def _scan_one(self, name: RepositoryName, text: str) -> None:
        try:
            digest = Digest.parse(text)
            stored = await self._revisions.get(name, digest)
            manifest, _ = await self._parsing.parse(stored.content, stored.media_type, digest.algorithm)
        except (DigestInvalid, ManifestUnknown, ManifestInvalid):
            return
        await self._file_if_new(name, manifest, digest, len(stored.content))

    async def _file_if_new(self, name: RepositoryName, manifest: Manifest, digest: Digest, size: int) -> None:
        if manifest.subject is None:
            return
        try:
            # What a scan files is not durable: a power cut may leave an empty file behind.
            filed = (await self._stores.driver.stat(layout.referrer(name, manifest.subject.digest, digest))).size > 0
        except PathNotFound:
            filed = False
        if not filed:
            await self._file(name, manifest, digest, size, durable=False)

    async def _names(self, folder: str) -> Sequence[str]:
        try:
            return await self._stores.driver.list(folder)
        except PathNotFound:
            return ()

    async def _version(self, name: RepositoryName, algorithm: str) -> object | None:
        try:
            return (await self._stores.driver.stat(layout.revisions(name, algorithm))).version
        except PathNotFound:
            return "absent"


def _parse_key(key: str) -> Digest | None:
    try:
        return Digest.parse(key.replace("-", ":", 1))
    except DigestInvalid:
        return None


def _parse_descriptor(content: bytes) -> tuple[str | None, bytes]:
    """The artifact type and the descriptor as it was written; nothing where a crash left no more."""
    try:
        return json.loads(content).get("artifactType"), content
    except (ValueError, AttributeError):
        return None, b""
