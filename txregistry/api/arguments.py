"""What stands in a path, parsed into the specification's values before any handler sees it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from txregistry.oci.digest import Digest
from txregistry.oci.errors import UploadIdInvalid
from txregistry.oci.names import RepositoryName, UploadId, parse_reference


def _parse_upload(text: str) -> UploadId:
    upload = UploadId.parse(text)
    if upload is None:
        raise UploadIdInvalid(text)
    return upload


_PARSERS: Mapping[str, Callable[[str], object]] = {
    "name": RepositoryName.parse,
    "reference": parse_reference,
    "digest": Digest.parse,
    "upload": _parse_upload,
    # Of an access token: judged by whoever looks for it.
    "token": str,
}


def parse_arguments(_endpoint: str, arguments: Mapping[str, object]) -> dict[str, object]:
    """Raise `NameInvalid`, `TagInvalid`, `DigestInvalid` or `UploadIdInvalid`."""
    return {name: _PARSERS[name](str(text)) for name, text in arguments.items()}
