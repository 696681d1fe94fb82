import time

import pytest

from txregistry.daemon.accesslog import CombinedFormat
from txregistry.http.body import RequestBody
from txregistry.http.exchange import Exchange
from txregistry.http.headers import Field, Headers
from txregistry.http.request import Request

# 2026-03-04 05:06:07 UTC
NOW = 1_772_600_767.5


def request(
    method: str = "GET", target: str = "/v2/", headers: list[Field] | None = None, user: str | None = None
) -> Request:
    made = Request(method, "/v2/", "", target, Headers(headers or []), RequestBody(0), "1.1", False, "192.0.2.7", 0.0)
    made.user = user
    return made


def line(of: Request | None, status: int = 200, sent: int = 2, peer: str = "192.0.2.7", duration: float = 0.0) -> str:
    exchange = Exchange(of, status, 0, sent, duration, peer)
    return CombinedFormat(now=lambda: NOW, local=time.gmtime)(exchange)


def test_a_line_is_apaches_combined_format() -> None:
    headers = [(b"referer", b"https://ui.example/"), (b"user-agent", b"docker/29.0.1 go/go1.26")]
    assert line(request("HEAD", "/v2/a/manifests/1?x=%20y", headers, "alice"), 404, 0) == (
        '192.0.2.7 - alice [04/Mar/2026:05:06:07 +0000] "HEAD /v2/a/manifests/1?x=%20y HTTP/1.1" 404 0 '
        '"https://ui.example/" "docker/29.0.1 go/go1.26"\n'
    )


def test_what_is_not_known_is_a_dash() -> None:
    assert line(request()) == '192.0.2.7 - - [04/Mar/2026:05:06:07 +0000] "GET /v2/ HTTP/1.1" 200 2 "-" "-"\n'


def test_bytes_that_never_became_a_request_have_their_line() -> None:
    assert line(None, 400, 31) == '192.0.2.7 - - [04/Mar/2026:05:06:07 +0000] "-" 400 31 "-" "-"\n'


def test_a_client_on_a_unix_socket_has_no_address() -> None:
    assert line(request(), peer="").startswith("- - - [")


def test_an_ipv4_client_of_a_dual_stack_socket_is_logged_by_its_ipv4_address() -> None:
    assert line(request(), peer="::ffff:192.0.2.7").startswith("192.0.2.7 - - [")


def test_the_time_is_that_of_the_requests_beginning() -> None:
    assert "[04/Mar/2026:05:05:57 +0000]" in line(request(), duration=10.0)


def test_the_time_moves_on_from_line_to_line() -> None:
    seconds = iter([NOW, NOW + 60])
    form = CombinedFormat(now=lambda: next(seconds), local=time.gmtime)
    exchange = Exchange(request(), 200, 0, 2, 0.0, "192.0.2.7")
    assert "05:06:07" in form(exchange)
    assert "05:07:07" in form(exchange)


@pytest.mark.parametrize(
    ("value", "escaped"),
    [
        (b'a" 200 1 "-" "x', r"a\" 200 1 \"-\" \"x"),
        (b"back\\slash", r"back\\slash"),
        (b"two\nlines\r", r"two\nlines\r"),
        (b"\x1b[31mred\x85", r"\x1b[31mred\x85"),
        ("é".encode("latin-1"), "é"),
    ],
)
def test_a_header_cannot_end_its_field_or_the_line(value: bytes, escaped: str) -> None:
    written = line(request(headers=[(b"user-agent", value)]))
    assert written == f'192.0.2.7 - - [04/Mar/2026:05:06:07 +0000] "GET /v2/ HTTP/1.1" 200 2 "-" "{escaped}"\n'


def test_a_target_and_a_user_cannot_forge_fields() -> None:
    written = line(request(target='/"x', user='eve "admin" [x]'))
    assert r"- eve\x20\"admin\"\x20[x] [" in written
    assert r'"GET /\"x HTTP/1.1"' in written
