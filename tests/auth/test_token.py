"""The token matrix: what is believed, and every known way to forge it."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from twisted.internet.defer import Deferred

from tests.auth import tokens
from tests.auth.tokens import (
    ED25519,
    ISSUER,
    NOW,
    OTHER_P256,
    OTHER_RSA_KEY,
    P256,
    P384,
    P521,
    RSA_KEY,
    SECRET,
    SERVICE,
    Issued,
    PrivateKey,
    base64url,
    issue,
    jwk,
    thumbprint_of,
    token,
)
from txregistry.auth.errors import BadCredentials
from txregistry.auth.interfaces import Credentials, Identity, Need
from txregistry.auth.keys import Key, libtrust_id
from txregistry.auth.token import LEEWAY_SECONDS, TokenAuthenticator, TokenSettings
from txregistry.auth.trust import Trust, TrustProblem, load_trust
from txregistry.config.auth import SIGNING_ALGORITHMS

ROOT = issue(RSA_KEY, ca=True, name="root")
ALL = frozenset(SIGNING_ALGORITHMS)
NAMED: dict[str, Key] = {"ec": P256.public_key(), "ed": ED25519.public_key(), "secret": SECRET}


class Server:
    """An authenticator at a time that the test sets."""

    def __init__(self, trust: Trust | None = None, algorithms: frozenset[str] = ALL, **settings: Any) -> None:
        self.time = NOW
        chosen = TokenSettings("https://auth.example/token", SERVICE, ISSUER, algorithms, **settings)
        trusted = Trust([ROOT.certificate], NAMED) if trust is None else trust
        self.authenticator = TokenAuthenticator(chosen, trusted, lambda: self.time)

    def __call__(self, text: str) -> Identity | None:
        found = self.authenticator.identify(Credentials(f"Bearer {text}"))
        assert not isinstance(found, Deferred)
        return found


def signed(header: dict[str, Any], key: PrivateKey | bytes = P256, **changes: Any) -> str:
    return token(header, tokens.claims(**changes), key)


def good(**changes: Any) -> str:
    return signed({"alg": "ES256", "kid": "ec"}, **changes)


def refusal(text: str, server: Server | None = None) -> str:
    with pytest.raises(BadCredentials) as caught:
        (server or Server())(text)
    return caught.value.reason


def test_a_good_token_says_who_it_is_and_what_it_grants() -> None:
    identity = Server()(good())
    assert identity is not None
    assert identity.user == "alice"
    assert identity.covers(Need("repository", "library/app", ("pull", "push")))
    assert not identity.covers(Need("repository", "library/app", ("delete",)))
    assert not identity.covers(Need("repository", "library/other", ("pull",)))
    assert not identity.covers(Need("registry", "catalog", ("*",)))


def test_a_star_grants_every_action_on_its_resource() -> None:
    identity = Server()(good(access=[{"type": "repository", "name": "a", "actions": ["*"]}]))
    assert identity is not None
    assert identity.covers(Need("repository", "a", ("delete",)))
    assert not identity.covers(Need("repository", "b", ("pull",)))


def test_grants_for_one_resource_add_up() -> None:
    access = [{"type": "repository", "name": "a", "actions": [action]} for action in ("pull", "push")]
    identity = Server()(good(access=access))
    assert identity is not None
    assert identity.covers(Need("repository", "a", ("pull", "push")))


def test_a_token_without_access_or_subject_is_one_of_nobody_for_nothing() -> None:
    assert Server()(good(access=None, sub=None)) == Identity(None, {})


@pytest.mark.parametrize("authorization", [None, "", "Basic YTpi", "Bearer", "Bearer ", "token"])
def test_other_credentials_are_none(authorization: str | None) -> None:
    assert Server().authenticator.identify(Credentials(authorization)) is None


@pytest.mark.parametrize(
    "kid", [libtrust_id(RSA_KEY.public_key()), thumbprint_of(RSA_KEY)], ids=["libtrust, registry:2", "RFC 7638, :3"]
)
def test_a_key_of_the_bundle_is_found_by_both_of_its_names(kid: str) -> None:
    assert Server()(signed({"alg": "RS256", "kid": kid}, RSA_KEY)) is not None


def test_a_libtrust_name_is_twelve_groups_of_four() -> None:
    groups = libtrust_id(P256.public_key()).split(":")
    assert [len(group) for group in groups] == [4] * 12
    spki = P256.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    digest = hashlib.sha256(spki).digest()
    assert base64.b32decode("".join(groups)) == digest[:30]


def test_a_key_of_the_set_is_found_by_its_thumbprint_too() -> None:
    assert Server()(signed({"alg": "ES256", "kid": thumbprint_of(P256)})) is not None


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        *((f"{family}{bits}", RSA_KEY) for family in ("RS", "PS") for bits in (256, 384, 512)),
        ("ES256", P256),
        ("ES384", P384),
        ("ES512", P521),
        ("EdDSA", ED25519),
        *((f"HS{bits}", SECRET) for bits in (256, 384, 512)),
    ],
)
def test_every_algorithm_of_distribution_is_understood(algorithm: str, key: PrivateKey | bytes) -> None:
    public = key if isinstance(key, bytes) else key.public_key()
    server = Server(Trust([], {"k": public}))
    text = signed({"alg": algorithm, "kid": "k"}, key)
    assert server(text) is not None
    head, body, signature = text.split(".")
    first = "A" if signature[0] != "A" else "B"
    assert "signature" in refusal(f"{head}.{body}.{first}{signature[1:]}", server)
    assert "not allowed" in refusal(text, Server(Trust([], {"k": public}), ALL - {algorithm}))


def test_a_chain_to_the_bundle_counts() -> None:
    intermediate = issue(OTHER_RSA_KEY, ROOT, ca=True, name="intermediate")
    leaf = issue(OTHER_P256, intermediate, name="leaf")
    assert Server()(signed({"alg": "ES256", "x5c": leaf.chain[:2]}, OTHER_P256)) is not None
    assert Server()(signed({"alg": "ES256", "x5c": leaf.chain}, OTHER_P256)) is not None
    assert Server()(signed({"alg": "RS256", "x5c": ROOT.chain}, RSA_KEY)) is not None


def test_a_certificate_of_the_bundle_ends_chains_though_another_has_issued_it() -> None:
    """As in Go, where every certificate of the pool is a root."""
    leaf = issue(OTHER_P256, ROOT, name="leaf")
    server = Server(Trust([leaf.certificate], {}))
    assert server(signed({"alg": "ES256", "x5c": leaf.chain[:1]}, OTHER_P256)) is not None


def chain_refusal(leaf: Issued, key: PrivateKey | bytes | None = None, count: int | None = None) -> str:
    return refusal(signed({"alg": "ES256", "x5c": leaf.chain[:count]}, key or leaf.key))


def test_a_chain_to_elsewhere_or_out_of_its_time_does_not_count() -> None:
    stranger = issue(OTHER_RSA_KEY, ca=True, name="root")
    assert "not trusted" in chain_refusal(issue(OTHER_P256, stranger, name="leaf"))
    assert "not trusted" in chain_refusal(issue(OTHER_P256, name="self-signed"))
    assert "not trusted" in chain_refusal(issue(OTHER_P256, ROOT, days=(-3, -2)))
    assert "not trusted" in chain_refusal(issue(OTHER_P256, ROOT, days=(1, 2)))
    no_authority = issue(OTHER_RSA_KEY, ROOT, ca=False, name="leaf that issues")
    assert "not trusted" in chain_refusal(issue(OTHER_P256, no_authority, name="child"))
    intermediate = issue(OTHER_RSA_KEY, ROOT, ca=True, name="left out")
    assert "not trusted" in chain_refusal(issue(OTHER_P256, intermediate), count=1)


def test_the_first_certificate_of_a_chain_is_the_one_that_signs() -> None:
    leaf = issue(P384, ROOT, name="leaf")
    assert "signature" in refusal(signed({"alg": "ES384", "x5c": leaf.chain}, ec.generate_private_key(ec.SECP384R1())))
    assert "signature" in chain_refusal(issue(OTHER_P256, ROOT), P256)


@pytest.mark.parametrize("chain", [[], None, "x", {}, [1], ["!"], ["ü"], ["AAAA"], [None], ROOT.chain * 11])
def test_a_chain_that_is_none_is_refused(chain: object) -> None:
    assert "chain" in refusal(signed({"alg": "RS256", "x5c": chain}, RSA_KEY))


def test_a_bad_chain_is_not_made_good_by_a_known_name() -> None:
    assert "chain" in refusal(signed({"alg": "ES256", "kid": "ec", "x5c": []}))


def test_a_key_in_the_token_counts_only_if_it_is_known() -> None:
    assert Server()(signed({"alg": "ES256", "jwk": jwk(P256)})) is not None
    assert "not trusted" in refusal(signed({"alg": "ES256", "jwk": jwk(OTHER_P256)}, OTHER_P256))


def test_a_key_in_the_token_under_the_name_of_a_known_one_is_not_trusted() -> None:
    """CVE-2025-24976: Distribution compared the names alone."""
    forged = {**jwk(OTHER_P256), "kid": "ec"}
    assert "not trusted" in refusal(signed({"alg": "ES256", "kid": "ec", "jwk": forged}, OTHER_P256))
    forged["kid"] = thumbprint_of(P256)
    assert "not trusted" in refusal(signed({"alg": "ES256", "jwk": forged}, OTHER_P256))


def test_a_chain_vouches_for_the_key_that_it_certifies_and_no_other() -> None:
    leaf = issue(OTHER_P256, ROOT, name="leaf")
    vouched = {**jwk(OTHER_P256), "x5c": leaf.chain}
    assert Server()(signed({"alg": "ES256", "jwk": vouched}, OTHER_P256)) is not None
    mine = ec.generate_private_key(ec.SECP256R1())
    assert "not trusted" in refusal(signed({"alg": "ES256", "jwk": {**jwk(mine), "x5c": leaf.chain}}, mine))


@pytest.mark.parametrize("key", [None, 1, "x", [], {}, {"kty": "EC"}, {"kty": "nothing"}, jwk(SECRET), {"kty": []}])
def test_a_key_in_the_token_that_is_none_is_refused(key: object) -> None:
    assert "key in the token" in refusal(signed({"alg": "ES256", "kid": "ec", "jwk": key}))


@pytest.mark.parametrize(
    "kid", ["unknown", "", "../../ec", "' OR 1=1 --", 1, None, ["ec"], {"ec": 1}, "ec\x00", "x" * 9999]
)
def test_a_name_that_is_not_known_is_refused(kid: object) -> None:
    assert "not known" in refusal(signed({"alg": "ES256", "kid": kid}))


@pytest.mark.parametrize("field", ["jku", "x5u"])
def test_a_url_in_the_token_is_never_fetched(field: str) -> None:
    assert "not known" in refusal(signed({"alg": "ES256", field: "http://127.0.0.1:1/keys"}, OTHER_P256))


def test_a_public_key_is_never_taken_for_a_secret() -> None:
    """Key confusion (CVE-2022-29217 and many others): HS256 with the text of a public key that everybody has."""
    public = RSA_KEY.public_key()
    for text in (
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        ROOT.pem,
    ):
        assert "signature" in refusal(signed({"alg": "HS256", "kid": thumbprint_of(RSA_KEY)}, text))


@pytest.mark.parametrize(
    ("algorithm", "kid"), [("RS256", "ec"), ("ES384", "ec"), ("EdDSA", "ec"), ("ES256", "ed"), ("RS256", "secret")]
)
def test_an_algorithm_goes_with_its_own_kind_of_key(algorithm: str, kid: str) -> None:
    head, body = (
        base64url(json.dumps({"alg": algorithm, "kid": kid}).encode()),
        base64url(json.dumps(tokens.claims()).encode()),
    )
    assert "signature" in refusal(f"{head}.{body}.{base64url(b'x' * 64)}")


def test_small_keys_are_not_believed() -> None:
    """RFC 7518, 3.3 and 3.2: "A key of size 2048 bits or larger MUST be used", and no secret below the hash's size."""
    small = rsa.generate_private_key(65537, 1024)
    server = Server(Trust([], {"rsa": small.public_key(), "secret": b"short"}))
    assert "signature" in refusal(signed({"alg": "RS256", "kid": "rsa"}, small), server)
    assert "signature" in refusal(signed({"alg": "HS256", "kid": "secret"}, b"short"), server)


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "NONE", "nOnE", "", "HS1", "ES256K", "es256", None, 1, ["ES256"]]
)
def test_no_other_algorithm_is_allowed(algorithm: object) -> None:
    head = base64url(json.dumps({"alg": algorithm, "kid": "ec"}).encode())
    body = base64url(json.dumps(tokens.claims()).encode())
    for signature in ("", good().split(".")[2]):
        assert "not allowed" in refusal(f"{head}.{body}.{signature}")


def test_a_token_without_a_signature_is_refused() -> None:
    assert "signature" in refusal(good().rpartition(".")[0] + ".")


@pytest.mark.parametrize("critical", [["exp"], ["b64"], ["x"], [], None, "exp"])
def test_extensions_that_must_be_understood_are_not(critical: object) -> None:
    """RFC 7515, 4.1.11, and CVE-2026-32597."""
    assert "extension" in refusal(signed({"alg": "ES256", "kid": "ec", "crit": critical, "b64": True}))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": "another"}, "issuer"),
        ({"iss": None}, "issuer"),
        ({"iss": [ISSUER]}, "issuer"),
        ({"aud": "another"}, "service"),
        ({"aud": None}, "service"),
        ({"aud": []}, "service"),
        ({"aud": SERVICE + "x"}, "service"),
        ({"aud": {"registry.example": 1}}, "service"),
        ({"exp": None}, "expired"),
        ({"exp": str(NOW + 300)}, "no time"),
        ({"exp": True}, "no time"),
        ({"exp": float("inf")}, "no time"),
        ({"exp": float("nan")}, "no time"),
        ({"exp": 10**400}, "no time"),
        ({"nbf": "now"}, "no time"),
        ({"access": {}}, "access"),
        ({"access": "x"}, "access"),
        ({"access": [1]}, "access"),
        ({"access": [{"type": "repository"}]}, "access"),
        ({"access": [{"type": "repository", "name": "a", "actions": "pull"}]}, "access"),
    ],
)
def test_a_claim_that_is_wrong_is_refused(changes: dict[str, Any], reason: str) -> None:
    assert reason in refusal(good(**changes))


def test_the_service_may_be_one_of_several() -> None:
    assert Server()(good(aud=["another", SERVICE])) is not None


@pytest.mark.parametrize(
    ("claim", "inside", "outside"),
    [("exp", -LEEWAY_SECONDS + 1, -LEEWAY_SECONDS), ("nbf", LEEWAY_SECONDS, LEEWAY_SECONDS + 1)],
)
def test_clocks_may_differ_by_a_minute(claim: str, inside: float, outside: float) -> None:
    assert Server()(good(**{claim: NOW + inside})) is not None
    refusal(good(**{claim: NOW + outside}))


def test_a_token_that_was_good_is_refused_once_it_has_expired() -> None:
    server, text = Server(), good(exp=int(NOW) + 100)
    assert server(text) is not None
    server.time += 100 + LEEWAY_SECONDS - 1
    assert server(text) is not None
    server.time += 1
    assert "expired" in refusal(text, server)


def test_a_certificate_that_expires_meanwhile_ends_what_it_signed() -> None:
    leaf = issue(OTHER_P256, ROOT, days=(-1, 0))
    server = Server()
    server.time = NOW - 100
    text = signed({"alg": "ES256", "x5c": leaf.chain}, OTHER_P256, nbf=0, exp=NOW + 90000)
    assert server(text) is not None
    server.time += 500
    assert "chain" in refusal(text, server)


def test_a_token_that_was_good_is_not_confused_with_another() -> None:
    server = Server()
    text = good()
    assert server(text) is not None
    refusal(text[:-2] + ("AA" if text[-2:] != "AA" else "BB"), server)
    assert server(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "x",
        ".",
        "..",
        "a.b",
        "a.b.c.d",
        "!!.!!.!!",
        "é.é.é",
        "e30.e30.",
        base64url(b"[]") + ".e30.e30",
        base64url(b"{") + ".e30.e30",
        base64url(b'{"alg": "ES256", "alg": "none"}') + ".e30.e30",
        base64url(b"[" * 20_000) + ".e30.e30",
        base64url(b'{"a":' * 9_000) + ".e30.e30",
        base64url(b"\xff\xfe") + ".e30.e30",
        base64url(b"1" * 5000) + ".e30.e30",
        "e30=.e30=.e30=",
        "A.A.A",
    ],
)
def test_what_is_no_token_is_refused(text: str) -> None:
    refusal(text)


def test_a_token_that_is_too_long_is_not_looked_at() -> None:
    assert "too long" in refusal(good(padding="x" * 64 * 1024))


def test_a_token_with_hundreds_of_scopes_is_taken() -> None:
    access = [{"type": "repository", "name": f"team/app-{n}", "actions": ["pull"]} for n in range(400)]
    text = good(access=access)
    assert len(text) > 30_000
    identity = Server()(text)
    assert identity is not None
    assert identity.covers(Need("repository", "team/app-399", ("pull",)))


def challenge(server: Server, *needs: Need, host: str | None = None, problem: str | None = None) -> str:
    return server.authenticator.challenge(needs, Credentials(host=host), problem)


def test_the_challenge_says_where_to_get_a_token_and_for_what() -> None:
    pull = Need("repository", "other", ("pull",))
    assert challenge(Server(), Need("repository", "a/b", ("pull", "push")), pull, problem="insufficient_scope") == (
        'Bearer realm="https://auth.example/token",service="registry.example",'
        'scope="repository:a/b:pull,push repository:other:pull",error="insufficient_scope"'
    )
    assert challenge(Server()) == 'Bearer realm="https://auth.example/token",service="registry.example"'


def test_clients_are_sent_to_the_host_that_they_asked_where_that_is_configured() -> None:
    server = Server(redirect_path="/auth/token")
    assert 'realm="https://registry.example:5000/auth/token"' in challenge(server, host="registry.example:5000")
    assert 'realm="https://auth.example/token"' in challenge(server, host='evil"/><x')
    assert 'realm="https://auth.example/token"' in challenge(server)
    with_base = Server(redirect_path="/auth/token", base="https://outside.example")
    assert 'realm="https://outside.example/auth/token"' in challenge(with_base, host="inside:5000")


def test_keys_and_certificates_come_from_files(tmp_path: Path) -> None:
    bundle, keys = tmp_path / "bundle.pem", tmp_path / "keys.json"
    bundle.write_bytes(b"a comment\n" + ROOT.pem + issue(P384, name="second").pem)
    entries = [{**jwk(P256), "kid": "one"}, jwk(ED25519), {**jwk(SECRET), "kid": "shared"}]
    keys.write_text(json.dumps({"keys": entries}))
    server = Server(load_trust(str(bundle), str(keys)))
    for header, key in (
        ({"alg": "RS256", "kid": thumbprint_of(RSA_KEY)}, RSA_KEY),
        ({"alg": "ES384", "kid": thumbprint_of(P384)}, P384),
        ({"alg": "ES256", "kid": "one"}, P256),
        ({"alg": "EdDSA", "kid": thumbprint_of(ED25519)}, ED25519),
        ({"alg": "HS512", "kid": "shared"}, SECRET),
    ):
        assert server(signed(header, key)) is not None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        b'{"keys": 1}',
        b'{"keys": []}',
        b'{"keys": [1]}',
        b'{"keys": [{"kty": "EC"}]}',
        b'{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}',
        b"[" * 20_000,
    ],
)
def test_a_file_without_usable_keys_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(TrustProblem) as caught:
        load_trust("", str(path))
    assert caught.value.path == str(path)


def test_a_bundle_without_certificates_or_none_at_all_is_told(tmp_path: Path) -> None:
    path = tmp_path / "bundle"
    path.write_bytes(b"nothing")
    for name in (path, tmp_path / "missing"):
        with pytest.raises(TrustProblem):
            load_trust(str(name), "")
