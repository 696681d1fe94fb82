"""The section `http`."""

from __future__ import annotations

import pytest

from tests.config.documents import BASE, configured, loaded, problems, refusal
from txregistry.config.model import Address, BadAddress
from txregistry.config.problems import Kind


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        (":5000", "", 5000),
        ("127.0.0.1:5000", "127.0.0.1", 5000),
        ("[::1]:5000", "::1", 5000),
        ("[::]:5000", "::", 5000),
        ("[fe80::1%eth0]:5000", "fe80::1%eth0", 5000),
        ("localhost:0", "localhost", 0),
        (":65535", "", 65535),
    ],
)
def test_an_address_is_a_host_and_a_port(text: str, host: str, port: int) -> None:
    assert Address.parse(text) == Address(host, port)
    assert str(Address.parse(text)) == text
    assert configured(f"http: {{addr: '{text}'}}").http.address == Address(host, port)


BAD_ADDRESSES = [
    "5000",
    "localhost",
    "::1:5000",
    ":65536",
    ":-1",
    ":http",
    "a b:1",
    "[::1]",
    "[x]:1",
    ":\u0665",
    "h:1:2",
    "h:",
]


@pytest.mark.parametrize("text", BAD_ADDRESSES)
def test_anything_else_is_no_address(text: str) -> None:
    with pytest.raises(BadAddress):
        Address.parse(text)
    assert refusal(f"http: {{addr: '{text}'}}").startswith("config.yml:3: http.addr: must be HOST:PORT")


def test_a_unix_socket_is_named_by_its_path() -> None:
    http = configured("http: {net: unix, addr: /run/registry.sock}").http
    assert (http.net, http.addr) == ("unix", "/run/registry.sock")


def test_a_unix_socket_needs_a_path() -> None:
    assert refusal("http: {net: unix}") == "config.yml:3: http: needs addr, the path of the Unix socket, with net unix"


def test_an_unknown_net_is_refused() -> None:
    assert refusal("http: {net: udp}") == "config.yml:3: http.net: must be one of tcp, unix"


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("https://registry.example.org", "https://registry.example.org"),
        ("http://localhost:5000/", "http://localhost:5000"),
        ("https://example.org/registry/", "https://example.org/registry"),
        ("https://[::1]:5000", "https://[::1]:5000"),
    ],
)
def test_the_host_is_an_absolute_url_without_a_slash_at_its_end(text: str, host: str) -> None:
    assert configured(f"http: {{host: '{text}'}}").http.host == host


@pytest.mark.parametrize(
    "text",
    [
        "registry.example.org",
        "//example.org",
        "ftp://example.org",
        "https://",
        "https://:5000",
        "https://example.org:99999",
        "https://example.org:x",
        "https://example.org?a=b",
        "https://example.org/#a",
        "https://user:password@example.org",
        "https://exa mple.org",
        "https://[::1",
        "https://b\u00fccher.example",
        "https://a/<b>",
    ],
)
def test_a_host_that_cannot_begin_a_link_is_refused(text: str) -> None:
    assert refusal(f"http: {{host: '{text}'}}").startswith("config.yml:3: http.host: must be an absolute URL")


@pytest.mark.parametrize(
    ("text", "prefix"), [("/", "/"), ("''", "/"), ("/a", "/a/"), ("a/", "/a/"), ("/a/b/", "/a/b/"), ("//a//", "/a/")]
)
def test_a_prefix_begins_and_ends_with_a_slash(text: str, prefix: str) -> None:
    assert configured(f"http: {{prefix: {text}}}").http.prefix == prefix


@pytest.mark.parametrize("text", ["/a b/", "/a?b", "/../", "/a/./b", "/a//b", "/%2e/", "/\u00e4/"])
def test_a_prefix_that_is_no_plain_path_is_refused(text: str) -> None:
    assert refusal(f"http: {{prefix: '{text}'}}").startswith("config.yml:3: http.prefix: must be a plain path")


def test_headers_keep_their_order_and_values() -> None:
    headers = configured("http: {headers: {B: [1, two], A: ['x; y=\"z\"']}}").http.headers
    assert headers == (("B", ("1", "two")), ("A", ('x; y="z"',)))


@pytest.mark.parametrize("value", ['"a\\r\\nSet-Cookie: b"', '"a\\nb"', '"a\\0b"', "'\u00e4'", '"\\x7f"', '"\\x85"'])
def test_a_value_cannot_smuggle_another_header(value: str) -> None:
    """RFC 9110 §5.5: "Field values containing CR, LF, or NUL characters are invalid and dangerous"."""
    assert refusal(f"http: {{headers: {{X-A: [fine, {value}]}}}}").startswith("config.yml:3: http.headers.X-A[1]: ")


@pytest.mark.parametrize("name", ['"A\\r\\nB"', "'A B'", "'A:'", "'\u00c4'", "''", "'a(b)'"])
def test_a_name_of_a_header_is_a_token(name: str) -> None:
    """RFC 9110 §5.1: "field-name = token"."""
    [problem] = problems(f"{BASE}http: {{headers: {{{name}: [x]}}}}")
    assert problem.message == "not the name of a header"


@pytest.mark.parametrize("name", ["Content-Length", "transfer-encoding", "Connection", "Upgrade"])
def test_headers_that_frame_the_message_are_the_server_s(name: str) -> None:
    assert refusal(f"http: {{headers: {{{name}: [x]}}}}") == (
        f"config.yml:3: http.headers.{name}: this header is for the server to set"
    )


def test_a_header_in_two_spellings_is_refused() -> None:
    assert refusal("http: {headers: {X-A: [b], x-a: [c]}}") == (
        "config.yml:3: http.headers.x-a: the header stands here twice, in different case"
    )


def test_the_time_to_drain_is_a_duration_in_seconds() -> None:
    assert configured("http: {draintimeout: 1m30s}").http.draintimeout == 90.0
    assert configured().http.draintimeout == 0.0


def test_a_bare_integer_counts_nanoseconds_and_is_warned_of() -> None:
    result = loaded(BASE + "http: {draintimeout: 30}")
    assert result.configuration.http.draintimeout == 30e-9
    [warning] = result.warnings
    assert warning.kind is Kind.DOUBTFUL
    assert str(warning).startswith("config.yml:3: http.draintimeout: a number without a unit counts nanoseconds")


def test_zero_needs_no_unit_and_no_warning() -> None:
    assert configured("http: {draintimeout: 0}").http.draintimeout == 0.0


@pytest.mark.parametrize("text", ["soon", "1.5", "-1s", "-5", "1d", "[1s]"])
def test_a_time_that_is_no_duration_is_refused(text: str) -> None:
    assert refusal(f"http: {{draintimeout: {text}}}").startswith("config.yml:3: http.draintimeout: must ")


def test_a_socket_s_path_cannot_hold_control_characters() -> None:
    assert "control characters" in refusal('http: {net: unix, addr: "/a\\0b"}')
