"""Whose signature counts: the key that a token's header points to, if there is reason to believe it."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from attrs import frozen
from cryptography import x509
from OpenSSL.crypto import X509, X509Store, X509StoreContext, X509StoreContextError, X509StoreFlags

from txregistry.auth.errors import BadCredentials, UnknownKey
from txregistry.auth.keys import BadKey, Key, PublicKey, as_key, key_from_jwk, libtrust_id, thumbprint

# A chain is a signer and a few intermediates.
_LONGEST_CHAIN = 10


@frozen
class TrustProblem(Exception):
    """A file of keys or certificates cannot be used."""

    path: str
    reason: str


class Trust:
    """The keys of a certificate bundle and of a key set, and every key that those certificates vouch for."""

    def __init__(self, certificates: Sequence[x509.Certificate], named: Mapping[str, Key]) -> None:
        """As `replace`."""
        self.version = 0
        self.replace(certificates, named)

    def replace(self, certificates: Sequence[x509.Certificate], named: Mapping[str, Key]) -> None:
        """Believe these from now on, and no others; `version` changes. Raise `BadKey`, and nothing has changed.

        `named` are keys under the `kid` that their set gives them.
        """
        for certificate in certificates:
            as_key(certificate.public_key())
        self.version += 1
        self._roots = [X509.from_cryptography(certificate) for certificate in certificates]
        self._by_id: dict[str, Key] = {}
        self._thumbprints: set[str] = set()
        for certificate in certificates:
            self._add(as_key(certificate.public_key()))
        for name, key in named.items():
            if not isinstance(key, bytes):
                self._add(key)
            self._by_id[name] = key

    def key_for(self, header: Mapping[str, object], now: float) -> Key:
        """The key to check a token with. Raise `BadCredentials`.

        A chain in `x5c` comes first, then a key in `jwk`, then the name in `kid`; a key that the token brings along
        counts only if it is known, or if a chain vouches for it (RFC 7515 §4.1; CVE-2025-24976).
        """
        if "x5c" in header:
            return self._chain(header["x5c"], now)
        if "jwk" in header:
            return self._brought(header["jwk"], now)
        name = header.get("kid")
        key = self._by_id.get(name) if isinstance(name, str) else None
        if key is None:
            raise UnknownKey("the key of the token is not known")
        return key

    def _add(self, key: PublicKey) -> None:
        self._thumbprints.add(thumbprint(key))
        self._by_id[libtrust_id(key)] = self._by_id[thumbprint(key)] = key

    def _brought(self, document: object, now: float) -> PublicKey:
        try:
            key = key_from_jwk(document)
        except BadKey:
            raise BadCredentials("the key in the token is none") from None
        if not isinstance(key, bytes):
            if thumbprint(key) in self._thumbprints:
                return key
            if isinstance(document, dict) and "x5c" in document:
                certified = self._chain(document["x5c"], now)
                if thumbprint(certified) == thumbprint(key):
                    return certified
        raise BadCredentials("the key in the token is not trusted")

    def _chain(self, encoded: object, now: float) -> PublicKey:
        if not isinstance(encoded, list) or not 0 < len(encoded) <= _LONGEST_CHAIN:
            raise BadCredentials("the certificate chain is no list of a few certificates")
        try:
            chain = [
                x509.load_der_x509_certificate(base64.b64decode(one.encode("ascii"), validate=True)) for one in encoded
            ]
            key = as_key(chain[0].public_key())
        except (AttributeError, ValueError, binascii.Error, BadKey, x509.UnsupportedGeneralNameType):
            raise BadCredentials("the certificate chain cannot be read") from None
        leaf, *above = (X509.from_cryptography(certificate) for certificate in chain)
        try:
            X509StoreContext(self._store(now), leaf, above).verify_certificate()
        except X509StoreContextError as error:
            raise BadCredentials(f"the certificate chain is not trusted: {error}") from None
        return key

    def _store(self, now: float) -> X509Store:
        """A new one each time: OpenSSL lets the time of a store be set once, and ignores every other."""
        store = X509Store()
        # As in Go, each certificate of the bundle is an end of chains, be it self-signed or not.
        store.set_flags(X509StoreFlags.PARTIAL_CHAIN)
        store.set_time(datetime.fromtimestamp(now, UTC).replace(tzinfo=None))
        for root in self._roots:
            store.add_cert(root)
        return store


def load_trust(bundle: str, key_set: str) -> Trust:
    """From the files of `rootcertbundle` and `jwks`, either of which may be empty. Blocks; raise `TrustProblem`."""
    trust = Trust((), {})
    contents = read_files((bundle, key_set))
    believe(trust, (bundle, contents[0]), (key_set, contents[1]))
    return trust


def read_files(paths: Sequence[str]) -> list[bytes]:
    """What stands in the files; nothing where the path is empty. Blocks; raise `TrustProblem`."""
    return [_read(path) if path else b"" for path in paths]


def believe(trust: Trust, bundle: tuple[str, bytes], key_set: tuple[str, bytes]) -> None:
    """Let it hold what stands in these, each with where it comes from, either of which may be empty.

    Raise `TrustProblem`, and nothing has changed.
    """
    certificates: Sequence[x509.Certificate] = ()
    if bundle[0]:
        try:
            certificates = x509.load_pem_x509_certificates(bundle[1])
        except ValueError:
            raise TrustProblem(bundle[0], "holds no certificates in PEM") from None
    named = _named_keys(*key_set) if key_set[0] else {}
    try:
        trust.replace(certificates, named)
    except BadKey:
        raise TrustProblem(bundle[0], "a certificate has a key that signs no tokens") from None


def _named_keys(path: str, content: bytes) -> dict[str, Key]:
    named: dict[str, Key] = {}
    try:
        for entry in json.loads(content)["keys"]:
            key = key_from_jwk(entry)
            name = entry.get("kid") or ("" if isinstance(key, bytes) else thumbprint(key))
            if not isinstance(name, str) or not name:
                raise TrustProblem(path, "a shared secret without a kid")
            named[name] = key
    except (ValueError, TypeError, KeyError, RecursionError):
        raise TrustProblem(path, "holds no JSON Web Key Set") from None
    except BadKey:
        raise TrustProblem(path, "a key that cannot be used") from None
    if not named:
        raise TrustProblem(path, "holds no keys")
    return named


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise TrustProblem(path, error.strerror or str(error)) from None
