"""What the specification names as going wrong: exceptions that carry data; their meaning in HTTP stands in `api`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from txregistry.oci.digest import Digest
    from txregistry.oci.names import RepositoryName, Tag, UploadId


class OCIError(Exception):
    """The base of everything that a client can be told in the specification's words."""


@frozen
class NameInvalid(OCIError):
    """A repository name outside the grammar."""

    name: str


@frozen
class TagExists(OCIError):
    """A tag that may be set once and not moved names a manifest already."""

    repository: RepositoryName
    tag: Tag


@frozen
class TagInvalid(OCIError):
    """A tag outside the grammar."""

    tag: str


@frozen
class DigestInvalid(OCIError):
    """A digest outside the grammar, of an algorithm that is not supported, or not that of the content."""

    digest: str
    reason: str


@frozen
class RangeInvalid(OCIError):
    """A range that cannot be satisfied; `size` bytes are there."""

    size: int


@frozen
class ContentRangeInvalid(OCIError):
    """A Content-Range header that cannot be parsed."""

    value: str


@frozen
class SizeInvalid(OCIError):
    """Declared and real length differ."""

    declared: int
    received: int


@frozen
class ManifestInvalid(OCIError):
    """A manifest that is not what its media type says."""

    reason: str


@frozen
class ManifestTooLarge(OCIError):
    """A manifest above the limit, in bytes."""

    limit: int


@frozen
class ManifestReferencesUnknown(OCIError):
    """A manifest names blobs or manifests that its repository does not have."""

    digests: tuple[Digest, ...]


@frozen
class ManifestUnknown(OCIError):
    """No such manifest in the repository."""

    repository: RepositoryName
    reference: Tag | Digest


@frozen
class BlobUnknown(OCIError):
    """No such blob in the repository."""

    digest: Digest


@frozen
class RepositoryUnknown(OCIError):
    """No such repository."""

    repository: RepositoryName


@frozen
class UploadUnknown(OCIError):
    """No such upload session in the repository."""

    upload: UploadId


@frozen
class UploadIdInvalid(OCIError):
    """What cannot be the id of an upload session."""

    text: str


@frozen
class UploadBusy(OCIError):
    """Another request is writing to this upload session; `offset` bytes are there."""

    offset: int


@frozen
class UploadOutOfOrder(OCIError):
    """A chunk that does not begin where the last one ended; `offset` bytes are there."""

    offset: int


@frozen
class Unsupported(OCIError):
    """The operation is switched off or not known here."""

    reason: str


@frozen
class PaginationInvalid(OCIError):
    """A page size that is no number or out of bounds."""

    value: str
