"""Small questions, thousands a second: with an access log, over TLS, and by those who signed in, or none of these."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmarks.bench import Bench
from benchmarks.contents import Contents
from benchmarks.floors import BARE
from benchmarks.loads import Load
from benchmarks.measure import load_row
from benchmarks.row import PER_OPERATION, Row
from benchmarks.settings import Setting
from benchmarks.store import REPOSITORY

__all__ = ["rows"]

_BASE = f"/v2/{REPOSITORY}"
_UNKNOWN = f"sha256:{'0' * 64}"
_SETTINGS = (
    ("small-", "", Setting()),
    ("small-log-", ", access log", Setting(access_log=True)),
    ("small-tls-", ", TLS 1.3", Setting(tls=True)),
    ("small-htpasswd-", ", htpasswd", Setting(sign_in="htpasswd")),
    ("small-token-", ", token", Setting(sign_in="token")),
)


def rows() -> Iterator[Row]:
    """By 16 clients."""
    for prefix, suffix, setting in _SETTINGS:
        for name, title, make in _QUESTIONS:
            yield load_row(f"{prefix}{name}", f"{title}{suffix}", PER_OPERATION, setting, _load(make), floor=BARE)


def _load(make: Callable[[Contents], Load]) -> Callable[[Bench], Load]:
    return lambda bench: make(bench.contents())


def _ask(verb: str, *paths: str, expect: int = 200) -> Load:
    return Load(verb, paths, clients=16, expect=expect)


def _by_tag(verb: str, contents: Contents) -> Load:
    some = contents.tags[:: max(1, len(contents.tags) // 16)]
    return _ask(verb, *(f"{_BASE}/manifests/{tag}" for tag in some))


def _by_digest(verb: str, contents: Contents) -> Load:
    return _ask(verb, f"{_BASE}/manifests/{contents.manifest}")


_QUESTIONS: tuple[tuple[str, str, Callable[[Contents], Load]], ...] = (
    ("base", "`/v2/`", lambda _: _ask("get", "/v2/")),
    ("manifest-get-tag", "manifest GET by tag", lambda contents: _by_tag("get", contents)),
    ("manifest-head-tag", "manifest HEAD by tag", lambda contents: _by_tag("head", contents)),
    ("manifest-get-digest", "manifest GET by digest", lambda contents: _by_digest("get", contents)),
    ("manifest-head-digest", "manifest HEAD by digest", lambda contents: _by_digest("head", contents)),
    ("blob-head", "blob HEAD", lambda contents: _ask("head", *(f"{_BASE}/blobs/{one}" for one in contents.small[:16]))),
    ("blob-head-miss", "blob HEAD, unknown", lambda _: _ask("head", f"{_BASE}/blobs/{_UNKNOWN}", expect=404)),
)
