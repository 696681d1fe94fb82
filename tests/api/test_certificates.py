"""Who gets what answer with a certificate: the same matrix as with a password."""

from __future__ import annotations

from pathlib import Path

import pytest
from twisted.internet.defer import Deferred

from tests.api.client import Answer
from tests.api.test_authorization import ALLOWED, REQUESTS, ROWS, USERS, Asked, target
from tests.auth.clientcertificates import NOON, certificate
from txregistry.api.routes import Route
from txregistry.auth.certificatenames import Rule
from txregistry.auth.certificates import CertificateAuthenticator
from txregistry.http.request import Request
from txregistry.http.response import Response


class Shown:
    """A client of a registry that takes passwords and certificates, and a connection with a certificate."""

    def __init__(self, folder: Path, der: bytes | None) -> None:
        self.asked = Asked(folder)
        application = self.asked.client.application
        door = application._guard.door
        assert door is not None
        door.authenticator = CertificateAuthenticator(Rule("subject-cn"), door.authenticator, lambda: NOON)
        handle = application.handle

        def with_certificate(request: Request) -> Response | Deferred[Response]:
            request.client_certificate = der
            return handle(request)

        application.handle = with_certificate  # type: ignore[method-assign]  # as TLS would have it

    def __call__(self, who: str, method: str, target: str) -> Answer:
        return self.asked(who, method, target)


@pytest.mark.parametrize("who", ["", *USERS])
@pytest.mark.parametrize(("route", "method"), REQUESTS, ids=lambda value: getattr(value, "name", value))
def test_the_matrix(tmp_path: Path, route: Route, method: str, who: str) -> None:
    shown = Shown(tmp_path, certificate(("CN", who)) if who else certificate(("O", "names nobody")))
    shown.asked.world.push_image()
    answer = shown("anonymous", method, target(route))
    if (who or "anonymous") in ALLOWED[ROWS[route.name]]:
        assert answer.status not in (401, 403)
    elif not who:
        assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Basic realm="the realm"')
    else:
        assert (answer.status, answer.code) == (403, "DENIED")


def test_a_password_counts_and_not_the_certificate_beside_it(tmp_path: Path) -> None:
    shown = Shown(tmp_path, certificate(("CN", "admin")))
    assert shown("lister", "POST", "/v2/library/app/blobs/uploads/").status == 403
    assert shown("wrong", "GET", "/v2/").status == 401
    assert shown("anonymous", "POST", "/v2/library/app/blobs/uploads/").status == 202


def test_an_upload_of_the_same_user_goes_on_with_a_password(tmp_path: Path) -> None:
    shown = Shown(tmp_path, certificate(("CN", "pusher")))
    location = shown("anonymous", "POST", "/v2/library/app/blobs/uploads/").headers["location"]
    assert shown("pusher", "GET", location).status == 204
    assert shown("creator", "GET", location).status == 404
