"""What can be wrong with a store, how bad that is, and what is to be done."""

from __future__ import annotations

from enum import Enum

from attrs import define, field, frozen

from txregistry.storage.interfaces import FileInfo


class Repair(Enum):
    """What a repair does with a finding; nothing that has content is ever deleted."""

    NONE = "none"
    QUARANTINE = "quarantine"
    REMOVE_EMPTY = "remove empty"
    REBUILD = "rebuild"


class Kind(Enum):
    """One thing that can be wrong.

    With `harm` somebody cannot have what was pushed; without, it is a leftover, such as a crash leaves.
    """

    DAMAGED_BLOB = (
        "damaged-blob",
        True,
        Repair.QUARANTINE,
        "put it aside with --repair, then push it again from where it is whole: until then it is unknown",
    )
    UNREADABLE = ("unreadable", True, Repair.NONE, "the storage reports an error: look at the disk and its log")
    EMPTY_LINK = ("empty-link", False, Repair.QUARANTINE, "counts as absent; --repair puts it aside")
    MALFORMED_LINK = ("malformed-link", True, Repair.QUARANTINE, "holds no digest; --repair puts it aside")
    WRONG_LINK = ("wrong-link", True, Repair.QUARANTINE, "names other content than its own; --repair puts it aside")
    DANGLING_LINK = (
        "dangling-link",
        True,
        Repair.NONE,
        "its content is gone: push it again to any repository, and this link works at once",
    )
    DANGLING_TAG = ("dangling-tag", True, Repair.QUARANTINE, "its manifest is gone; push it again, or --repair")
    UNSET_TAG = ("unset-tag", False, Repair.QUARANTINE, "a tag that names nothing; --repair puts it aside")
    UNREADABLE_MANIFEST = (
        "unreadable-manifest",
        True,
        Repair.QUARANTINE,
        "stops the collection, since nobody can tell what it keeps; --repair puts its link aside",
    )
    MISSING_BLOB = ("missing-blob", True, Repair.NONE, "the image cannot be pulled: push it again, or delete it")
    MISSING_CHILD = (
        "missing-child",
        True,
        Repair.NONE,
        "the index names a manifest that is not here: push it again, or delete the index",
    )
    MISSING_REFERRER = ("missing-referrer", True, Repair.REBUILD, "--repair files it again")
    WRONG_REFERRER = ("wrong-referrer", True, Repair.REBUILD, "--repair writes it anew from the manifest")
    STALE_REFERRER = ("stale-referrer", False, Repair.QUARANTINE, "nobody is told of it; --repair puts it aside")
    ORPHANED_UPLOAD = ("orphaned-upload", False, Repair.QUARANTINE, "nobody goes on with it; --repair puts it aside")
    EMPTY_FOLDER = ("empty-folder", False, Repair.REMOVE_EMPTY, "left by a crash or a deletion; --repair removes it")
    STRAY = ("stray", False, Repair.QUARANTINE, "does not belong there; --repair puts it aside")
    UNKNOWN_ALGORITHM = ("unknown-algorithm", False, Repair.NONE, "not served by this registry; left alone")
    MALFORMED_NAME = ("malformed-name", False, Repair.NONE, "cannot be asked for: rename or remove the folder by hand")

    def __init__(self, label: str, harm: bool, repair: Repair, advice: str) -> None:
        self.label = label
        self.harm = harm
        self.repair = repair
        self.advice = advice


@frozen
class Finding:
    """One thing that is wrong, at one path.

    `evidence` is what was known of the file at `witness` (by default `path`) when it was looked at: a repair leaves
    alone what is no longer the same. `companions` are put aside with it. `content` is what a rebuild writes.
    """

    kind: Kind
    path: str
    detail: str
    repository: str | None = None
    digest: str | None = None
    repaired: bool = False
    evidence: FileInfo | None = field(default=None, eq=False, repr=False)
    witness: str | None = field(default=None, eq=False, repr=False)
    companions: tuple[str, ...] = field(default=(), eq=False, repr=False)
    content: bytes | None = field(default=None, eq=False, repr=False)

    @property
    def place(self) -> tuple[Kind, str, str | None]:
        """What two looks at the same thing have in common."""
        return self.kind, self.path, self.digest


@define
class Checked:
    """How much was looked at so far; `bytes` are those that were hashed."""

    blobs: int = 0
    bytes: int = 0
    repositories: int = 0
    layers: int = 0
    manifests: int = 0
    tags: int = 0
    uploads: int = 0
    referrers: int = 0
