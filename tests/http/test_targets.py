from __future__ import annotations

import pytest

from txregistry.http.errors import BadMessage
from txregistry.http.target import is_authority, parse_target


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (b"/", "/", ""),
        (b"/v2/a/b?n=1&last=x%20y", "/v2/a/b", "n=1&last=x%20y"),
        (b"/a?b?c", "/a", "b?c"),
        (b"/a%2Fb", "/a/b", ""),
        (b"/a%252Fb", "/a%2Fb", ""),
        (b"//evil.example/v2", "//evil.example/v2", ""),
        (b"/%C3%A9", "/é", ""),
        (b"/a?%ff", "/a", "%ff"),
    ],
)
def test_a_path_is_decoded_once_and_a_query_not_at_all(target: bytes, path: str, query: str) -> None:
    parsed = parse_target(target, "GET")
    assert (parsed.authority, parsed.path, parsed.query) == (None, path, query)


@pytest.mark.parametrize(
    ("target", "authority", "path", "query"),
    [
        (b"http://a.example", b"a.example", "/", ""),
        (b"http://a.example:5000/v2/?n=1", b"a.example:5000", "/v2/", "n=1"),
        (b"HTTPS://[::1]:5000/v2/", b"[::1]:5000", "/v2/", ""),
        (b"http://a?q", b"a", "/", "q"),
    ],
)
def test_an_absolute_form_gives_authority_path_and_query(
    target: bytes, authority: bytes, path: str, query: str
) -> None:
    parsed = parse_target(target, "GET")
    assert (parsed.authority, parsed.path, parsed.query) == (authority, path, query)


@pytest.mark.parametrize(
    "target",
    [
        b"*",
        b"v2/",
        b"a.example:5000",
        b"ftp://a/b",
        b"http://",
        b"http:///v2/",
        b"http://user:secret@a/v2/",
        b"http://a b/",
        b"/v2/#fragment",
        b"http://a/v2/#fragment",
        b"/%",
        b"/%4",
        b"/%zz",
        b"/%ff",
        b"/%C0%AF",
        b"/%ED%A0%80",
        b"/a%00b",
        b"/a%0d%0ab",
        b"/a%7f",
    ],
)
def test_what_is_no_path_and_no_url_is_refused(target: bytes) -> None:
    with pytest.raises(BadMessage) as refused:
        parse_target(target, "GET")
    assert refused.value.status == 400


def test_the_asterisk_is_for_options_alone() -> None:
    assert parse_target(b"*", "OPTIONS").path == "*"


def test_a_tunnel_is_not_implemented() -> None:
    with pytest.raises(BadMessage) as refused:
        parse_target(b"a.example:443", "CONNECT")
    assert refused.value.status == 501


@pytest.mark.parametrize("value", [b"", b"a", b"a.example:5000", b"127.0.0.1", b"[::1]", b"[fe80::1]:5000", b"a:"])
def test_a_host_may_be_a_name_or_an_address_with_a_port(value: bytes) -> None:
    assert is_authority(value)


@pytest.mark.parametrize(
    "value", [b"a b", b"a/b", b"a@b", b"a:b", b"a:123456", b"a,b", b"::1", b"\xe9", b"a:1:2", b"[a", b"a?b", b"a#b"]
)
def test_a_host_with_anything_else_is_none(value: bytes) -> None:
    assert not is_authority(value) or value == b"a,b"
