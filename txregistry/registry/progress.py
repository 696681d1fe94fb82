"""What is known of the bytes of an upload, so that they need not be read again to tell their digest."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict

from attrs import frozen

from txregistry.oci.digest import CANONICAL_ALGORITHM, HEX_LENGTHS
from txregistry.oci.names import RepositoryName, UploadId
from txregistry.storage import layout
from txregistry.storage.errors import PathNotFound, StorageFailure
from txregistry.storage.interfaces import Hasher, IStorageDriver

# How many hashers of suspended uploads a process keeps; beyond that the oldest upload is read again at its end.
_KEPT = 4096
# From so many bytes on a digest is noted for other processes; fewer are read again for less than the note costs.
_NOTED_FROM = 4 * 1024 * 1024


@frozen
class Note:
    """The digest of an upload's first `offset` bytes.

    It counts only in the boot that wrote it: after a power cut the bytes beside it may be others.
    """

    offset: int
    algorithm: str
    hex: str
    boot: str

    def encode(self) -> bytes:
        """As it stands in the file."""
        return json.dumps([self.offset, self.algorithm, self.hex, self.boot]).encode("ascii")

    @classmethod
    def decode(cls, content: bytes) -> Note | None:
        """None where a crash left something else."""
        try:
            offset, algorithm, encoded, boot = json.loads(content)
        except (ValueError, TypeError):
            return None
        return cls(offset, algorithm, encoded, boot) if algorithm in HEX_LENGTHS else None


class Progress:
    """Notes beside uploads, for every process, and live hashers of this one."""

    def __init__(self, driver: IStorageDriver, boot: str) -> None:
        """`boot` differs after every start of the machine."""
        self._driver = driver
        self._boot = boot
        self._hashers: OrderedDict[UploadId, tuple[int, Hasher]] = OrderedDict()

    async def begin(self, name: RepositoryName, upload: UploadId, algorithm: str) -> None:
        """An upload begins that will be addressed by this algorithm; note it where it is not the canonical one."""
        hasher = hashlib.new(algorithm)
        self._remember(upload, 0, hasher)
        if algorithm != CANONICAL_ALGORITHM:
            await self._write(name, upload, 0, hasher)

    async def known(self, name: RepositoryName, upload: UploadId, offset: int) -> tuple[Hasher | None, Note | None]:
        """A hasher that stands at `offset`, if this process has one, else what another has noted in this boot."""
        kept = self._hashers.pop(upload, None)
        if kept is not None and kept[0] == offset:
            return kept[1], None
        note = await self._noted(name, upload)
        if offset == 0:
            return hashlib.new(CANONICAL_ALGORITHM if note is None else note.algorithm), None
        return None, note

    async def keep(self, name: RepositoryName, upload: UploadId, offset: int, hasher: Hasher) -> None:
        """Remember the hasher of an upload that is being suspended, and note its digest for other processes."""
        self._remember(upload, offset, hasher)
        if offset >= _NOTED_FROM:
            await self._write(name, upload, offset, hasher)

    def forget(self, upload: UploadId) -> None:
        """The upload is over."""
        self._hashers.pop(upload, None)

    def _remember(self, upload: UploadId, offset: int, hasher: Hasher) -> None:
        self._hashers[upload] = (offset, hasher)
        if len(self._hashers) > _KEPT:
            self._hashers.popitem(last=False)

    async def _noted(self, name: RepositoryName, upload: UploadId) -> Note | None:
        try:
            content = await self._driver.read(layout.upload_digest(name, upload))
        except PathNotFound:
            return None
        note = Note.decode(content.data)
        return note if note is not None and note.boot == self._boot else None

    async def _write(self, name: RepositoryName, upload: UploadId, offset: int, hasher: Hasher) -> None:
        note = Note(offset, hasher.name, hasher.hexdigest(), self._boot)
        try:
            await self._driver.write(layout.upload_digest(name, upload), note.encode(), durable=False)
        except StorageFailure:
            return  # It only saves reading; the old note, if any, tells another offset and is not believed.
