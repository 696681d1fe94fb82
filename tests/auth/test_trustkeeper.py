"""Keys for tokens that change while the server runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from tests.auth.tokens import ISSUER, NOW, OTHER_P256, P256, SERVICE, PrivateKey, claims, issue, jwk, token
from tests.registry.world import now
from txregistry.auth.errors import BadCredentials
from txregistry.auth.interfaces import Credentials, Identity
from txregistry.auth.token import TokenAuthenticator, TokenSettings
from txregistry.auth.trust import load_trust
from txregistry.auth.trustkeeper import (
    FETCH_SECONDS,
    FILES_SECONDS,
    UNKNOWN_SECONDS,
    FetchFailed,
    TrustKeeper,
    is_url,
)
from txregistry.concurrency.workers import InlineWorkers

URL = "https://auth.example/keys"


def key_set(**keys: PrivateKey) -> bytes:
    return json.dumps({"keys": [{**jwk(key), "kid": name} for name, key in keys.items()]}).encode()


def signed(name: str, key: PrivateKey) -> Credentials:
    return Credentials("Bearer " + token({"alg": "ES256", "kid": name}, claims(), key))


class Keys:
    """An authenticator whose keys are looked for at a path or a URL; `offered` is what the URL gives, if anything."""

    def __init__(self, where: str, bundle: str = "") -> None:
        self.clock = Clock()
        self.asked = 0
        self.offered: bytes | None = None
        self.held: Deferred[None] | None = None
        trust = load_trust(bundle, "" if is_url(where) else where)
        self.keeper = TrustKeeper(trust, bundle, where, InlineWorkers(), self.clock, self._fetch)
        settings = TokenSettings("https://realm.example", SERVICE, ISSUER, frozenset({"ES256"}))
        self.authenticator = TokenAuthenticator(settings, trust, lambda: NOW + self.clock.seconds(), self.keeper)

    async def _fetch(self, url: str) -> bytes:
        assert url == URL
        self.asked += 1
        if self.held is not None:
            await self.held
        if self.offered is None:
            raise FetchFailed("nothing there")
        return self.offered

    def begin(self, credentials: Credentials) -> Deferred[Identity | None]:
        async def identify() -> Identity | None:
            found = self.authenticator.identify(credentials)
            return await found if isinstance(found, Deferred) else found

        return Deferred.fromCoroutine(identify())

    def lets_in(self, credentials: Credentials) -> bool:
        try:
            return now(self.begin(credentials)) is not None
        except BadCredentials:
            return False


def test_a_file_that_changes_counts_a_moment_later(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(key_set(old=P256))
    keys = Keys(str(path))
    old, new = signed("old", P256), signed("new", OTHER_P256)
    assert keys.lets_in(old)
    path.write_bytes(key_set(new=OTHER_P256))
    assert keys.lets_in(new)
    assert not keys.lets_in(old)
    path.write_bytes(key_set(old=P256))
    assert keys.lets_in(new)
    keys.clock.advance(FILES_SECONDS)
    assert not keys.lets_in(new)
    assert keys.lets_in(old)


def test_a_bundle_that_changes_counts_a_moment_later(tmp_path: Path) -> None:
    path = tmp_path / "bundle.pem"
    path.write_bytes(issue(P256).pem)
    keys = Keys("", str(path))
    issued = issue(OTHER_P256)
    chained = Credentials("Bearer " + token({"alg": "ES256", "x5c": issued.chain}, claims(), OTHER_P256))
    assert not keys.lets_in(chained)
    path.write_bytes(issued.pem)
    keys.clock.advance(FILES_SECONDS)
    assert keys.lets_in(chained)


@pytest.mark.parametrize("content", [b"", b"{", b'{"keys": []}', None])
def test_a_file_that_cannot_be_used_leaves_the_last_good_one(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(key_set(old=P256))
    keys = Keys(str(path))
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    keys.clock.advance(FILES_SECONDS)
    assert keys.lets_in(signed("old", P256))
    assert not keys.lets_in(signed("new", OTHER_P256))


def test_a_key_set_is_fetched_when_a_token_needs_it_and_kept_when_it_cannot_be() -> None:
    keys = Keys(URL)
    keys.offered = key_set(old=P256)
    assert keys.lets_in(signed("old", P256))
    assert keys.asked == 1
    keys.offered = None
    keys.clock.advance(FETCH_SECONDS)
    assert keys.lets_in(signed("old", P256))
    assert keys.asked == 2


def test_a_key_set_is_asked_for_again_regularly() -> None:
    keys = Keys(URL)
    keys.offered = key_set(old=P256)
    assert keys.lets_in(signed("old", P256))
    keys.offered = key_set(new=OTHER_P256)
    keys.clock.advance(FETCH_SECONDS - 1)
    assert keys.lets_in(signed("old", P256))
    keys.clock.advance(FILES_SECONDS)
    assert not keys.lets_in(signed("old", P256))
    assert keys.lets_in(signed("new", OTHER_P256))


def test_strangers_keys_are_asked_for_once_a_minute_at_most() -> None:
    keys = Keys(URL)
    keys.offered = key_set(old=P256)
    for number in range(10):
        assert not keys.lets_in(signed(f"stranger{number}", OTHER_P256))
    assert keys.asked <= 2
    before = keys.asked
    keys.offered = key_set(old=P256, new=OTHER_P256)
    keys.clock.advance(UNKNOWN_SECONDS)
    assert keys.lets_in(signed("new", OTHER_P256))
    assert keys.asked == before + 1


def test_those_who_come_while_keys_are_fetched_wait_for_them() -> None:
    keys = Keys(URL)
    keys.offered, keys.held = key_set(old=P256), Deferred()
    first, second, third = (keys.begin(signed("old", P256)) for _ in range(3))
    second.addErrback(lambda _failure: None)
    second.cancel()
    assert not first.called
    assert keys.asked == 1
    keys.held.callback(None)
    assert now(first) == now(third)
