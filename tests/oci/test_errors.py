"""Exceptions carry data, survive being raised, and have no two meanings."""

from __future__ import annotations

import inspect
from typing import Any

import attrs
import pytest
from twisted.python.failure import Failure

from txregistry.oci import errors
from txregistry.oci.errors import ManifestInvalid, OCIError

CLASSES = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, OCIError)]
LEAVES = [kind for kind in CLASSES if kind is not OCIError]


def _sample(kind: type[Any]) -> Any:
    return kind(*(f"a {field.name}" for field in attrs.fields(kind)))


@pytest.mark.parametrize("kind", LEAVES)
def test_an_error_can_be_raised_chained_and_carried_by_a_failure(kind: type[Any]) -> None:
    """Frozen as they are, interpreter and Twisted must be able to hang tracebacks and causes on them."""
    error = _sample(kind)
    cause = ValueError()
    with pytest.raises(kind) as caught:
        try:
            raise cause
        except ValueError:
            raise error from cause
    failure = Failure(caught.value)  # type: ignore[no-untyped-call]  # Twisted has no types there
    failure.cleanFailure()  # type: ignore[no-untyped-call]  # nor there
    assert failure.type is kind
    assert error.__cause__ is cause


@pytest.mark.parametrize("kind", LEAVES)
def test_an_error_tells_its_data(kind: type[Any]) -> None:
    error = _sample(kind)
    for field in attrs.fields(kind):
        assert getattr(error, field.name) == f"a {field.name}"
        assert f"a {field.name}" in str(error)


def test_an_error_cannot_be_changed() -> None:
    error = ManifestInvalid("a reason")
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        error.reason = "another"  # type: ignore[misc]  # that is the point


def test_no_error_is_a_kind_of_another() -> None:
    """One table maps each to a status and a code; inheritance would let a row answer for a class it does not name."""
    assert {kind.__bases__ for kind in LEAVES} == {(OCIError,)}
