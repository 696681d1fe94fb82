"""Whose upload session it is."""

from __future__ import annotations

import uuid

from txregistry.auth.ownership import is_owner, owned
from txregistry.oci.names import UploadId


def test_only_whoever_began_a_session_owns_it() -> None:
    for user in ("alice", "bob", "", None):
        upload = owned(UploadId.new(), user)
        assert [other for other in ("alice", "bob", "", None) if is_owner(upload, other)] == [user]


def test_an_id_of_nobody_is_owned_by_nobody() -> None:
    upload = UploadId.new()
    assert not is_owner(upload, "alice")
    assert not is_owner(upload, None)


def test_an_owned_id_is_one_as_distribution_writes_them() -> None:
    """RFC 9562, version 4."""
    upload = owned(UploadId.new(), "alice")
    assert UploadId.parse(upload.text) == upload
    assert (uuid.UUID(upload.text).version, uuid.UUID(upload.text).variant) == (4, uuid.RFC_4122)


def test_two_sessions_of_a_user_have_little_in_common() -> None:
    ids = {owned(UploadId.new(), "alice").text for _ in range(1000)}
    assert len({text[:18] for text in ids}) == len({text[-15:] for text in ids}) == 1000
