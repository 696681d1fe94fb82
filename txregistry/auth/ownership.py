"""Whose upload session it is: the id itself says so.

Half of an id is random, and the other half a hash of that and of whoever began the session. So any process can tell
whether the session is the asker's, and nothing has to be stored or shared. The hash needs no key: whoever learns
another one's id cannot change who they are themselves.
"""

from __future__ import annotations

import hashlib

from txregistry.oci.names import UploadId

# The digits of a UUID behind its variant, which UploadId leaves to us: 60 of its 122 random bits.
_HASHED = 15


def owned(upload: UploadId, user: str | None) -> UploadId:
    """A fresh id, made into one of this user; None is whoever has not signed in."""
    return UploadId(upload.text[: -(_HASHED + 1)] + _digits(upload, user))


def is_owner(upload: UploadId, user: str | None) -> bool:
    """Whether the user has begun the session."""
    return upload.text[-(_HASHED + 1) :] == _digits(upload, user)


def _digits(upload: UploadId, user: str | None) -> str:
    """The last four groups' digits behind the variant, with the hyphen that stands among them."""
    random = upload.text[: -(_HASHED + 1)]
    owner = b"" if user is None else b"user:" + user.encode("utf-8", "surrogatepass")
    digits = hashlib.sha256(random.encode("ascii") + b"\0" + owner).hexdigest()[:_HASHED]
    return f"{digits[:3]}-{digits[3:]}"
