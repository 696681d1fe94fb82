"""The table of errors is complete, and its bodies are the specification's."""

from __future__ import annotations

import inspect
import json
import re

from tests.registry.world import APP
from txregistry.api.errors import TABLE, error_response
from txregistry.http.errors import BadMessage
from txregistry.http.response import Response
from txregistry.oci import errors as oci
from txregistry.oci.digest import Digest
from txregistry.oci.names import Tag
from txregistry.storage.errors import StorageFailure

# distribution-spec, Error Codes, and those that Distribution has beside them.
CODES = {
    "BLOB_UNKNOWN", "BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN", "DIGEST_INVALID", "MANIFEST_BLOB_UNKNOWN",
    "MANIFEST_INVALID", "MANIFEST_UNKNOWN", "NAME_INVALID", "NAME_UNKNOWN", "SIZE_INVALID", "UNAUTHORIZED", "DENIED",
    "UNSUPPORTED", "TOOMANYREQUESTS", "RANGE_INVALID", "TAG_INVALID", "MANIFEST_UNVERIFIED",
    "PAGINATION_NUMBER_INVALID", "UNAVAILABLE", "UNKNOWN",
}  # fmt: skip


def _document(response: Response) -> dict[str, object]:
    assert isinstance(response.body, bytes)
    (entry,) = json.loads(response.body)["errors"]
    assert isinstance(entry, dict)
    return entry


def test_every_exception_of_the_specification_has_a_row() -> None:
    declared = {
        kind
        for _, kind in inspect.getmembers(oci, inspect.isclass)
        if issubclass(kind, oci.OCIError) and kind is not oci.OCIError
    }
    assert declared - set(TABLE) == set()


def test_every_row_has_a_status_of_failure_and_a_known_code() -> None:
    for row in TABLE.values():
        assert 400 <= row.status < 600
        assert row.code in CODES
        assert re.fullmatch("[A-Z_]+", row.code)


def test_an_error_body_has_code_message_and_detail() -> None:
    """distribution-spec, Error Codes: "the response body MUST be in the following format"."""
    response = error_response(oci.ManifestUnknown(APP, Tag("x")))
    assert response.status == 404
    assert (b"Content-Type", b"application/json") in response.headers
    assert _document(response) == {
        "code": "MANIFEST_UNKNOWN",
        "message": "manifest unknown",
        "detail": {"Tag": "x"},
    }


def test_missing_references_are_all_named() -> None:
    digests = (Digest.of(b"a"), Digest.of(b"b"))
    assert _document(error_response(oci.ManifestReferencesUnknown(digests)))["detail"] == [str(d) for d in digests]


def test_a_defect_tells_nothing_of_itself() -> None:
    try:
        raise ZeroDivisionError("secret")
    except ZeroDivisionError as error:
        response = error_response(error)
    assert response.status == 500
    assert "secret" not in str(response.body)


def test_a_full_store_is_told_apart_and_names_no_path() -> None:
    full = error_response(StorageFailure("secret/path", "no space", out_of_space=True))
    broken = error_response(StorageFailure("secret/path", "input/output error"))
    assert (full.status, broken.status) == (507, 500)
    assert "secret" not in str(full.body) + str(broken.body)


def test_what_the_parser_refuses_has_the_same_body() -> None:
    response = error_response(BadMessage(431, "the header is too large"))
    assert response.status == 431
    assert _document(response)["message"] == "the header is too large"


def test_an_unsatisfiable_range_tells_the_size() -> None:
    """RFC 9110 §15.5.17: a 416 to a byte-range request "SHOULD generate a Content-Range header field specifying the
    current length"."""
    assert (b"Content-Range", b"bytes */7") in error_response(oci.RangeInvalid(7)).headers
