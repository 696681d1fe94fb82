"""Passwords in the form of Apache's htpasswd with bcrypt: a file of them, a check, a new hash."""

from __future__ import annotations

import os
import re
import secrets
import tempfile

import bcrypt
from attrs import frozen

# What the algorithm looks at; Go's takes longer passwords and compares so much of them, Python's refuses them.
LONGEST_PASSWORD = 72
_HASH = re.compile(rb"\$2[abxy]?\$([0-3][0-9])\$[./A-Za-z0-9]{53}")
COST = 10
# A file this large has hundreds of thousands of users; more is a mistake.
_LONGEST_FILE = 64 * 1024 * 1024
DEFAULT_USER = "docker"


@frozen
class Passwords:
    """The hash of each user; `dummy` is one that no password has, as dear to check as the dearest of the others.

    `ignored` counts the lines that are no entry with bcrypt.
    """

    hashes: dict[str, bytes]
    dummy: bytes
    ignored: int = 0

    def hash_of(self, user: str) -> bytes:
        """The hash to check a password against, whether there is such a user or not."""
        return self.hashes.get(user, self.dummy)


def parse_passwords(content: bytes) -> Passwords:
    """The entries of a file, a `user:hash` a line; blank lines and those with `#` in front are comments."""
    hashes: dict[str, bytes] = {}
    ignored, cost = 0, 0
    for line in content.splitlines():
        line = line.strip()
        if not line or line.startswith(b"#"):
            continue
        name, _, digest = line.partition(b":")
        found = _HASH.fullmatch(digest)
        try:
            user = name.decode("utf-8")
        except UnicodeDecodeError:
            found = None
        if found is None or not name:
            ignored += 1
            continue
        hashes[user] = digest
        cost = max(cost, int(found[1]))
    # The text of a hash need not come from a password: the check computes one of this cost and finds that it differs.
    dummy = f"$2b${cost or COST:02d}${'.' * 53}".encode("ascii")
    return Passwords(hashes, dummy, ignored)


def read_passwords(path: str) -> Passwords:
    """The entries of the file at a path. Blocks; raise `OSError`."""
    with open(path, "rb") as file:
        return parse_passwords(file.read(_LONGEST_FILE))


def matches(password: bytes, digest: bytes) -> bool:
    """Whether it is the password of this hash. Takes as long as its cost says: for workers."""
    try:
        return bcrypt.checkpw(password[:LONGEST_PASSWORD], digest)
    except ValueError:
        return False


def hash_password(password: bytes, cost: int = COST) -> bytes:
    """A new hash, with a salt of its own. Takes as long as its cost says: for workers and tools."""
    return bcrypt.hashpw(password[:LONGEST_PASSWORD], bcrypt.gensalt(cost))


def provision(path: str) -> str | None:
    """Make the file with the user `docker` where there is none, and return the password; None where there is one.

    Blocks; raise `OSError`.
    """
    if os.path.exists(path):
        return None
    os.makedirs(os.path.dirname(path) or ".", 0o700, exist_ok=True)
    password = secrets.token_urlsafe(32)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return None
    with open(descriptor, "wb") as file:
        file.write(DEFAULT_USER.encode() + b":" + hash_password(password.encode("ascii")) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return password


def replace_entry(path: str, user: str, digest: bytes) -> None:
    """Set a user's hash in the file, which is made where there is none; every other line stays as it is.

    Whoever reads meanwhile sees the old file or the new one; owner and mode stay. Blocks; raise `OSError`.
    """
    name = user.encode("utf-8")
    status = None
    lines: list[bytes] = []
    try:
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            lines = file.read(_LONGEST_FILE).splitlines()
    except FileNotFoundError:
        pass
    kept = [line for line in lines if line.strip().partition(b":")[0] != name]
    descriptor, temporary = tempfile.mkstemp(prefix=".htpasswd-", dir=os.path.dirname(path) or ".")
    try:
        with open(descriptor, "wb") as file:
            file.write(b"".join(line + b"\n" for line in (*kept, name + b":" + digest)))
            if status is not None:
                os.fchmod(file.fileno(), status.st_mode & 0o777)
                if (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
                    os.fchown(file.fileno(), status.st_uid, status.st_gid)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
