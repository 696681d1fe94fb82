"""Keys that are not known, and keys of Distribution that are not served yet."""

from __future__ import annotations

import pytest

from tests.config.documents import BASE, configured, loaded, refusal, warnings
from txregistry.config.problems import Kind


def test_an_unknown_key_is_warned_of_with_its_path_and_line() -> None:
    text = "version: 0.1\nstorage:\n  filesystem:\n    rootdir: /x\nhttp:\n  sercet: x\nlogs: {}\n"
    assert warnings(text, Kind.UNKNOWN) == [
        "config.yml:4: storage.filesystem.rootdir: unknown key",
        "config.yml:6: http.sercet: unknown key; did you mean secret?",
        "config.yml:7: logs: unknown key; did you mean log?",
    ]


def test_an_unknown_key_within_a_list_is_warned_of_with_its_index() -> None:
    text = "validation: {manifests: {indexes: {platformlist: [{os: linux}, {os: linux, arch: arm}]}}}\n"
    assert warnings(BASE + text) == ["config.yml:3: validation.manifests.indexes.platformlist[1].arch: unknown key"]


def test_an_unknown_key_within_what_is_not_here_yet_is_warned_of() -> None:
    assert warnings(BASE + "health: {storagedrivers: {enabled: false}}\n", Kind.UNKNOWN) == [
        "config.yml:3: health.storagedrivers: unknown key; did you mean storagedriver?"
    ]


def test_keys_are_written_in_lower_case() -> None:
    """As in Distribution: a key in another case would be ignored."""
    assert warnings(BASE + "HTTP: {addr: ':1'}\n", Kind.UNKNOWN) == ["config.yml:3: HTTP: unknown key"]


def test_an_unknown_key_in_our_own_section_is_an_error() -> None:
    assert refusal("txregistry:\n  turbo: true\n") == "config.yml:4: txregistry.turbo: unknown key"


def test_all_that_is_not_here_yet_is_named_in_one_warning() -> None:
    text = """\
redis: {addr: localhost:6379}
notifications: {endpoints: [{name: a, url: http://a}]}
http:
  debug: {addr: ':5001'}
  h2c: {enabled: true}
log:
  hooks: [{type: mail, levels: [panic]}]
  reportcaller: true
reporting: {bugsnag: {apikey: k}}
compatibility: {schema1: {enabled: true}}
"""
    [warning] = loaded(BASE + text).warnings
    assert warning.kind is Kind.UNSUPPORTED
    for path, line in {
        "redis": 3,
        "notifications": 4,
        "http.debug": 6,
        "http.h2c": 7,
        "log.hooks": 9,
        "log.reportcaller": 10,
        "reporting": 11,
        "compatibility": 12,
    }.items():
        assert f"{path} (line {line})" in warning.message


@pytest.mark.parametrize(
    "text",
    [
        "storage: {inmemory: , cache: {blobdescriptor: redis}}",
        "storage: {inmemory: , tag: {concurrencylimit: 8}}",
    ],
)
def test_what_stands_beside_the_driver_is_known(text: str) -> None:
    [warning] = loaded(f"version: 0.1\n{text}\n").warnings
    assert warning.kind is Kind.UNSUPPORTED


@pytest.mark.parametrize(
    "text",
    [
        "health: {storagedriver: {enabled: false, interval: 10s}}",
        "health: {file: [], http: ~}",
        "notifications: {endpoints: []}",
        "notifications: {endpoints: [{name: a, disabled: true, url: http://a}]}",
        "http: {http2: {disabled: true}, h2c: {enabled: false}}",
        "http: {debug: {addr: '', prometheus: {enabled: false, path: /metrics}}}",
        "log: {reportcaller: false, hooks: [{disabled: true, type: mail}]}",
        "redis: {addr: }",
    ],
)
def test_what_is_switched_off_is_not_warned_of(text: str) -> None:
    assert configured(text) == configured()


def test_redirects_can_be_switched_either_way_because_no_driver_here_redirects() -> None:
    for word in ("true", "false"):
        assert loaded(f"version: 0.1\nstorage: {{inmemory: , redirect: {{disable: {word}}}}}").warnings == ()
