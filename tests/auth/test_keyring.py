"""The keys of the built-in token server."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.auth.tokens import NOW, RSA_KEY
from tests.registry.world import now
from txregistry.auth.jws import parse_token
from txregistry.auth.keyring import LOOK_SECONDS, UNKNOWN_SECONDS, Keyring
from txregistry.auth.keys import BadKey, signed_by, thumbprint
from txregistry.auth.signing import SigningKey
from txregistry.storage.memory import MemoryDriver
from txregistry.storage.smallfiles import SmallFiles

ROTATION, KEEP = 3600.0, 600.0


class CountedFiles(SmallFiles):
    """Counts how often somebody looks."""

    looks = 0

    async def names(self):  # type: ignore[no-untyped-def]  # as its base class has it
        CountedFiles.looks += 1
        return await super().names()


class Ring(Keyring):
    """One replica's, with a clock of its own."""

    def __init__(self, files: SmallFiles) -> None:
        self.time = NOW
        super().__init__(files, ROTATION, KEEP, lambda: self.time)


@pytest.fixture
def files() -> SmallFiles:
    CountedFiles.looks = 0
    return CountedFiles(MemoryDriver(), "keys")


def test_a_signature_is_an_es256_one_by_the_named_key() -> None:
    """RFC 7518, 3.4: the signature is R and S, each as 32 octets, one after the other."""
    key = SigningKey.generate(NOW)
    for _ in range(20):  # numbers that begin with zeros are as long as the others
        token = parse_token(key.sign("JWT", {"a": 1}))
        assert token.header == {"alg": "ES256", "typ": "JWT", "kid": thumbprint(key.private.public_key())}
        assert len(token.signature) == 64
        assert signed_by(key.private.public_key(), "ES256", token.message, token.signature)


def test_a_key_is_the_same_after_it_was_kept() -> None:
    key = SigningKey.generate(NOW)
    again = SigningKey.load(key.dump())
    assert (again.key_id, again.created) == (key.key_id, NOW)
    assert "private" not in repr(key)


def pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


BAD = {
    "nothing": b"",
    "a list": b"[]",
    "no key": json.dumps({"created": NOW, "key": "x"}).encode(),
    "another curve": json.dumps({"created": NOW, "key": pem(ec.generate_private_key(ec.SECP384R1()))}).encode(),
    "an RSA key": json.dumps(
        {"created": NOW, "key": RSA_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()}
    ).encode(),
    "no time": json.dumps({"key": pem(ec.generate_private_key(ec.SECP256R1()))}).encode(),
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_what_is_no_key_is_passed_over(files: SmallFiles, content: bytes) -> None:
    with pytest.raises(BadKey):
        SigningKey.load(content)
    now(files.write("bad", content))
    signer = now(Ring(files).signer())
    assert sorted(now(files.names())) == sorted(["bad", signer.key_id])


def test_a_key_under_another_name_is_not_believed(files: SmallFiles) -> None:
    now(files.write("other", SigningKey.generate(NOW).dump()))
    assert now(Ring(files).signer()).key_id != "other"


def test_replicas_sign_with_the_same_key(files: SmallFiles) -> None:
    one, other = Ring(files), Ring(files)
    assert now(one.signer()).key_id == now(other.signer()).key_id


def test_the_key_of_another_replica_is_found_when_a_token_names_it(files: SmallFiles) -> None:
    one, other = Ring(files), Ring(files)
    now(one.signer())
    one.time += ROTATION
    fresh = now(one.signer())
    now(other.signer())
    other.time += UNKNOWN_SECONDS
    token = parse_token(fresh.sign("JWT", {}))
    key = now(other.trust(fresh.key_id)).key_for(token.header, NOW)
    assert signed_by(key, "ES256", token.message, token.signature)


def test_strangers_make_nobody_look_more_than_once_a_second(files: SmallFiles) -> None:
    ring = Ring(files)
    for number in range(50):
        now(ring.trust(f"stranger{number}"))
    assert CountedFiles.looks == 1
    ring.time += UNKNOWN_SECONDS
    now(ring.trust("stranger"))
    assert CountedFiles.looks == 2


@pytest.mark.parametrize("name", [None, 1, ["list"], {"an": "object"}])
def test_a_name_that_is_none_is_not_known(files: SmallFiles, name: object) -> None:
    assert now(Ring(files).trust(name)) is not None


def test_a_removed_key_is_not_believed_for_long(files: SmallFiles) -> None:
    ring = Ring(files)
    stolen = now(ring.signer())
    now(files.delete(stolen.key_id))
    ring.time += LOOK_SECONDS
    assert now(ring.signer()).key_id != stolen.key_id


def test_a_key_goes_when_all_that_it_has_signed_has_run_out(files: SmallFiles) -> None:
    ring = Ring(files)
    first = now(ring.signer()).key_id
    ring.time += ROTATION
    second = now(ring.signer()).key_id
    assert sorted(now(files.names())) == sorted([first, second])
    ring.time += ROTATION
    third = now(ring.signer()).key_id
    assert sorted(now(files.names())) == sorted([second, third])
