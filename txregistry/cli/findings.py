"""The report of a check, as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence

import attrs

from txregistry.registry.checking.findings import Checked, Finding, Kind, Repair

_RED, _YELLOW, _PLAIN = "\x1b[31m", "\x1b[33m", "\x1b[0m"
_DONE = {Repair.QUARANTINE: "put aside", Repair.REMOVE_EMPTY: "removed", Repair.REBUILD: "written anew"}
_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


def as_json(found: Sequence[Finding], checked: Checked) -> str:
    """One document: `findings`, and in `checked` how much was looked at.

    `harm` tells that somebody cannot have what was pushed; without it a finding is a leftover.
    """
    return json.dumps({"findings": [_entry(finding) for finding in found], "checked": attrs.asdict(checked)}) + "\n"


def as_text(found: Sequence[Finding], checked: Checked, colours: bool) -> str:
    """For people: a paragraph for each kind, what harms first, with what to do; a line for each finding."""
    lines: list[str] = []
    for kind in sorted({finding.kind for finding in found}, key=lambda kind: (not kind.harm, kind.label)):
        of_kind = [finding for finding in found if finding.kind is kind]
        lines.append(f"{_coloured(kind, colours)} ({len(of_kind)}): {kind.advice}")
        lines += [f"  {printable(finding.path)}: {finding.detail}{_done(finding)}" for finding in of_kind]
        lines.append("")
    lines.append(f"checked {_amount(checked)}: {_sum(found)}")
    return "\n".join(lines) + "\n"


def printable(text: str) -> str:
    """A name as it may stand on a terminal, whatever is in it."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def _entry(finding: Finding) -> dict[str, object]:
    entry: dict[str, object] = {
        "kind": finding.kind.label,
        "harm": finding.kind.harm,
        "path": finding.path,
        "detail": finding.detail,
        "repaired": finding.repaired,
    }
    if finding.repository is not None:
        entry["repository"] = finding.repository
    if finding.digest is not None:
        entry["digest"] = finding.digest
    return entry


def _coloured(kind: Kind, colours: bool) -> str:
    return f"{_RED if kind.harm else _YELLOW}{kind.label}{_PLAIN}" if colours else kind.label


def _done(finding: Finding) -> str:
    return f" ({_DONE[finding.kind.repair]})" if finding.repaired else ""


def _sum(found: Sequence[Finding]) -> str:
    if not found:
        return "all is well"
    repaired = sum(finding.repaired for finding in found)
    return f"{len(found)} findings" + (f", {repaired} repaired" if repaired else "")


def _amount(checked: Checked) -> str:
    return (
        f"{checked.blobs} blobs ({_size(checked.bytes)}), {checked.repositories} repositories, "
        f"{checked.layers} links of blobs, {checked.manifests} of manifests, {checked.tags} tags, "
        f"{checked.uploads} uploads"
    )


def _size(count: int) -> str:
    size = float(count)
    for unit in _UNITS[:-1]:
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == _UNITS[0] else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} {_UNITS[-1]}"
