"""A directory, OpenLDAP's slapd, with a small tree."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType

from tests.live.support.certificates import Certificates
from tests.live.support.server import free_port
from tests.live.support.tools import absent, require, run

BASE = "dc=example,dc=org"
ROOT_DN, ROOT_PASSWORD = f"cn=admin,{BASE}", "canary-of-admin"
SEARCHER_DN, SEARCHER_PASSWORD = f"cn=registry,{BASE}", "canary-of-searcher"
SCHEMAS = Path("/etc/ldap/schema")
START_LIMIT = 15.0

_CONFIGURATION = """\
include {schemas}/core.schema
include {schemas}/cosine.schema
include {schemas}/inetorgperson.schema
pidfile {folder}/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile {certificates.certificate}
TLSCertificateKeyFile {certificates.key}
database mdb
maxsize 10485760
suffix "{base}"
rootdn "{root_dn}"
rootpw {root_password}
directory {folder}/data
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{searcher}" read by * none
"""

_TREE = """\
dn: {base}
objectClass: dcObject
objectClass: organization
o: Example
dc: example

dn: {searcher}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: registry
userPassword: {searcher_password}

dn: ou=people,{base}
objectClass: organizationalUnit
ou: people

dn: ou=groups,{base}
objectClass: organizationalUnit
ou: groups

dn: ou=elsewhere,ou=people,{base}
objectClass: referral
objectClass: extensibleObject
ou: elsewhere
ref: ldap://127.0.0.1:{referred}/ou=people,{base}

{people}
dn: cn=developers,ou=groups,{base}
objectClass: groupOfNames
cn: developers
member: uid=alice,ou=people,{base}
member: uid=carol \\28ops\\29*,ou=people,{base}
"""

_PERSON = """\
dn: uid={uid},ou=people,{base}
objectClass: inetOrgPerson
uid: {uid}
cn: {uid}
sn: {uid}
{password}
"""


class Slapd:
    """A context manager that leaves no process behind. `passwords` are those of its users; None for one without."""

    def __init__(self, folder: Path, certificates: Certificates, passwords: dict[str, str | None]) -> None:
        self._program = require("slapd")
        if not SCHEMAS.is_dir():
            absent("the schemas of slapd are not installed")
        self.plain, self.secure, self.referred = free_port(), free_port(), free_port()
        self._folder = folder
        (folder / "data").mkdir(parents=True)
        self._configuration = folder / "slapd.conf"
        self._configuration.write_text(
            _CONFIGURATION.format(
                schemas=SCHEMAS,
                folder=folder,
                certificates=certificates,
                base=BASE,
                root_dn=ROOT_DN,
                root_password=ROOT_PASSWORD,
                searcher=SEARCHER_DN,
            )
        )
        people = "\n".join(
            _PERSON.format(uid=user, base=BASE, password="" if password is None else f"userPassword: {password}\n")
            for user, password in passwords.items()
        )
        tree = folder / "tree.ldif"
        tree.write_text(
            _TREE.format(
                base=BASE,
                searcher=SEARCHER_DN,
                searcher_password=SEARCHER_PASSWORD,
                people=people,
                referred=self.referred,
            )
        )
        run(require("slapadd"), "-f", str(self._configuration), "-l", str(tree))
        self._process: subprocess.Popen[bytes] | None = None

    def forget_tls(self) -> None:
        """From the next start on it knows no certificate, and refuses to begin TLS."""
        lines = self._configuration.read_text().splitlines(keepends=True)
        self._configuration.write_text("".join(line for line in lines if not line.startswith("TLS")))

    def start(self) -> None:
        """Return once it takes connections."""
        log = (self._folder / "slapd.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [
                    self._program,
                    "-d",
                    "0",
                    "-f",
                    str(self._configuration),
                    "-h",
                    f"ldap://127.0.0.1:{self.plain} ldaps://127.0.0.1:{self.secure}",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        began = time.monotonic()
        while not self._answers():
            assert self._process.poll() is None, (self._folder / "slapd.log").read_text()
            assert time.monotonic() - began < START_LIMIT
            time.sleep(0.02)

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self.thaw()
            self._process.terminate()
            self._process.wait(START_LIMIT)
            self._process = None

    def freeze(self) -> None:
        """It takes connections, and answers nothing."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    def _answers(self) -> bool:
        try:
            for port in (self.plain, self.secure):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            return False
        return True

    def __enter__(self) -> Slapd:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
