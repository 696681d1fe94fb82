"""Digests: image-spec, descriptor.md, "Digests"."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from txregistry.oci.digest import HEX_LENGTHS, Digest
from txregistry.oci.errors import DigestInvalid

SHA256 = "a" * 64
SHA512 = "0123456789abcdef" * 8


@pytest.mark.parametrize("text", [f"sha256:{SHA256}", f"sha512:{SHA512}"])
def test_a_digest_of_a_supported_algorithm_is_read_and_written_alike(text: str) -> None:
    """`digest ::= algorithm ":" encoded`."""
    digest = Digest.parse(text)
    assert (digest.algorithm, digest.hex) == tuple(text.split(":"))
    assert str(digest) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "sha256",
        "sha256:",
        f":{SHA256}",
        SHA256,
        f"sha256-{SHA256}",
        f"sha256:{SHA256}\n",
        f"\nsha256:{SHA256}",
        f" sha256:{SHA256}",
        f"sha256:{SHA256}:{SHA256}",
        f"sha256::{SHA256}",
        f"sha256/../x:{SHA256}",
        f"sha256:../{SHA256[3:]}",
        f"sha256:{SHA256[:-1]}\x00",
        f"sha256+:{SHA256}",
        f"sha256%3A{SHA256}",
    ],
)
def test_what_is_outside_the_grammar_is_refused(text: str) -> None:
    """`algorithm ::= algorithm-component (algorithm-separator algorithm-component)*`."""
    with pytest.raises(DigestInvalid) as caught:
        Digest.parse(text)
    assert caught.value.digest == text


@pytest.mark.parametrize(
    "text",
    [
        f"sha256:{'A' * 64}",
        f"sha256:{'a' * 63}A",
        f"sha512:{SHA512.upper()}",
    ],
)
def test_upper_case_hexadecimal_digits_are_refused(text: str) -> None:
    """ "the _encoded_ portion MUST match `/[a-f0-9]{64}/`. Note that `[A-F]` MUST NOT be used here." """
    with pytest.raises(DigestInvalid, match="lower-case"):
        Digest.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        f"sha256:{SHA256[:-1]}",
        f"sha256:{SHA256}a",
        f"sha512:{SHA512[:-1]}",
        f"sha512:{SHA256}",
        f"sha256:{SHA512}",
        f"sha256:{'g' * 64}",
        f"sha256:{'_' * 64}",
    ],
)
def test_a_hash_of_the_wrong_length_or_alphabet_is_refused(text: str) -> None:
    with pytest.raises(DigestInvalid, match="hexadecimal digits"):
        Digest.parse(text)


@pytest.mark.parametrize("digits", ["٣" * 64, "१" * 64, "\uff10" * 64, "a" * 63 + "²"])
def test_digits_of_other_scripts_are_refused(digits: str) -> None:
    with pytest.raises(DigestInvalid):
        Digest.parse(f"sha256:{digits}")


@pytest.mark.parametrize(
    "text",
    [
        "multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8",
        "sha256+b64u:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564",
        f"md5:{'a' * 32}",
        f"sha384:{'a' * 96}",
    ],
)
def test_a_digest_of_another_algorithm_is_refused_as_unsupported(text: str) -> None:
    with pytest.raises(DigestInvalid, match="unsupported algorithm") as caught:
        Digest.parse(text)
    assert "sha256, sha512" in caught.value.reason


def test_the_case_of_the_algorithm_matters() -> None:
    """`algorithm-component ::= [a-z0-9]+`."""
    with pytest.raises(DigestInvalid):
        Digest.parse(f"SHA256:{SHA256}")


@given(algorithm=st.sampled_from(sorted(HEX_LENGTHS)), content=st.binary(max_size=100))
def test_the_digest_of_content_is_its_hash_and_can_be_read(algorithm: str, content: bytes) -> None:
    digest = Digest.of(content, algorithm)
    assert digest.hex == hashlib.new(algorithm, content).hexdigest()
    assert Digest.parse(str(digest)) == digest


def test_content_is_addressed_by_sha256_unless_asked_otherwise() -> None:
    """image-spec, manifest.md, "Guidance for an Empty Descriptor", gives the digest of `{}`."""
    assert str(Digest.of(b"{}")) == "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


def test_equal_digests_are_one_key_and_sort_by_their_text() -> None:
    low, high = Digest("sha256", "0" * 64), Digest("sha256", "f" * 64)
    assert len({low, Digest("sha256", "0" * 64), high}) == 2
    assert sorted([Digest("sha512", "0" * 128), high, low]) == [low, high, Digest("sha512", "0" * 128)]


@given(st.text() | st.from_regex(r"[a-z0-9+._-]{0,10}:[a-zA-Z0-9=_-]{0,130}"))
@example("sha256:" + "a" * 1_000_000)
@example("a" * 1_000_000)
@example("a-" * 500_000)
def test_any_text_is_a_digest_or_refused(text: str) -> None:
    try:
        digest = Digest.parse(text)
    except DigestInvalid:
        return
    assert str(digest) == text
