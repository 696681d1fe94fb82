"""The JSON of a manifest, read so that every decoder that ever reads it sees the same document."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from json import JSONDecodeError, JSONDecoder
from typing import Any

from txregistry.oci.errors import ManifestInvalid

# Real manifests stay below ten. Python's parser gives up somewhere below a thousand, depending on the caller's own
# depth: a fixed limit far from that makes what was accepted once readable for ever.
MAX_DEPTH = 64
# Conversion takes time that grows with the square of the digits; no decoder keeps as many as this.
MAX_NUMBER_LENGTH = 100
# String-to-string maps, whose keys no decoder folds.
_FREE_MAPS = frozenset({"annotations", "labels"})


def read_document(content: bytes) -> dict[str, Any]:
    """The object that stands in `content` (RFC 8259); raise `ManifestInvalid`.

    Refused besides what is not JSON, not UTF-8 or not an object: whatever decoders disagree on. That is keys that
    stand twice in an object or differ in case alone (Go's decoder folds case and takes the last one), NaN and
    infinities, lone surrogates, a byte order mark, numbers of more than `MAX_NUMBER_LENGTH` characters, and nesting
    deeper than `MAX_DEPTH`.
    """
    if content.startswith(b"\xef\xbb\xbf"):
        raise ManifestInvalid("the manifest begins with a byte order mark")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise ManifestInvalid(f"the manifest is not UTF-8 at byte {error.start}") from None
    folded_twins: list[dict[str, Any]] = []
    try:
        document = _decoder(folded_twins).decode(text)
    except JSONDecodeError as error:
        raise ManifestInvalid(
            f"the manifest is not JSON: {error.msg} at line {error.lineno} column {error.colno}"
        ) from None
    except RecursionError:
        raise ManifestInvalid(_TOO_DEEP) from None
    if not isinstance(document, dict):
        raise ManifestInvalid("the manifest is not a JSON object")
    # Brackets are counted in strings too: enough to let nearly every manifest skip the walk.
    if folded_twins or content.count(b"{") + content.count(b"[") > MAX_DEPTH:
        _walk(document, {id(found) for found in folded_twins})
    if "\\u" in text:
        _refuse_lone_surrogates(document)
    return document


def refuse_variants(found: Mapping[str, Any], known: Mapping[str, str], where: str) -> None:
    """Raise `ManifestInvalid` for a key that a decoder which folds case takes for a known one.

    `known` maps folded keys to the keys themselves, as `folded` makes it; `where` names the object for the message.
    """
    for key in found:
        meant = known.get(key.casefold())
        if meant is not None and meant != key:
            raise ManifestInvalid(f"{where} has a key {quoted(key)}, which must be written {meant!r}")


def folded(*keys: str) -> dict[str, str]:
    """The keys by their folded form."""
    return {key.casefold(): key for key in keys}


def text_of(found: Mapping[str, Any], key: str, where: str) -> str | None:
    """An optional string; null and the empty string count as absent, as Go's encoders mean them."""
    value = found.get(key)
    if not value and (value is None or value == ""):
        return None
    if not isinstance(value, str):
        raise ManifestInvalid(f"{key} of {where} must be a string")
    return value


def texts_of(found: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    """An optional list of strings; null counts as absent."""
    value = list_of(found, key, where)
    if not all(isinstance(item, str) for item in value):
        raise ManifestInvalid(f"{key} of {where} must be a list of strings")
    return tuple(value)


def list_of(found: Mapping[str, Any], key: str, where: str) -> list[Any]:
    """An optional list; null counts as empty, as Go's encoders write a list that nobody made."""
    value = found.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise ManifestInvalid(f"{key} of {where} must be a list")
    return value


def annotations_of(found: Mapping[str, Any], where: str) -> dict[str, str]:
    """The optional string-to-string map (image-spec, annotations.md); null counts as empty."""
    value = found.get("annotations")
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise ManifestInvalid(f"annotations of {where} must be an object of strings")
    return value


def quoted(text: str) -> str:
    """Foreign text for a message: escaped, and never longer than a line."""
    return repr(text if len(text) <= 100 else text[:100] + "…")


_TOO_DEEP = f"the manifest is nested deeper than {MAX_DEPTH} levels"


def _decoder(folded_twins: list[dict[str, Any]]) -> JSONDecoder:
    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ManifestInvalid(f"the key {quoted(_most_repeated(pairs))} stands twice in one object")
        if len({key.casefold() for key in found}) != len(found):
            # Whether this is one of the free maps is known only from outside, when the document is whole.
            folded_twins.append(found)
        return found

    return JSONDecoder(
        object_pairs_hook=build, parse_int=_parse_int, parse_float=_parse_float, parse_constant=_refuse_constant
    )


def _most_repeated(pairs: list[tuple[str, Any]]) -> str:
    return Counter(key for key, _ in pairs).most_common(1)[0][0]


def _parse_int(text: str) -> int:
    _refuse_long_number(text)
    return int(text)


def _parse_float(text: str) -> float:
    _refuse_long_number(text)
    return float(text)


def _refuse_long_number(text: str) -> None:
    if len(text) > MAX_NUMBER_LENGTH:
        raise ManifestInvalid(f"a number in the manifest is longer than {MAX_NUMBER_LENGTH} characters")


def _refuse_constant(name: str) -> None:
    raise ManifestInvalid(f"the manifest is not JSON: {name} is no number")


def _walk(document: dict[str, Any], folded_twins: set[int]) -> None:
    """Level by level, so that depth costs no stack."""
    level: list[Any] = [document]
    for _ in range(MAX_DEPTH):
        deeper: list[Any] = []
        for found in level:
            if isinstance(found, list):
                deeper.extend(item for item in found if isinstance(item, list | dict))
                continue
            if id(found) in folded_twins:
                raise ManifestInvalid(f"keys of one object differ in case alone: {_first_twins(found)}")
            for key, value in found.items():
                if isinstance(value, list):
                    deeper.append(value)
                elif isinstance(value, dict):
                    if key in _FREE_MAPS:
                        folded_twins.discard(id(value))
                    deeper.append(value)
        if not deeper:
            return
        level = deeper
    raise ManifestInvalid(_TOO_DEEP)


def _first_twins(found: dict[str, Any]) -> str:
    seen: dict[str, str] = {}
    for key in found:
        twin = seen.setdefault(key.casefold(), key)
        if twin is not key:
            return f"{quoted(twin)} and {quoted(key)}"
    return ""


def _refuse_lone_surrogates(document: dict[str, Any]) -> None:
    try:
        json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ManifestInvalid("a string of the manifest holds half of a surrogate pair") from None
