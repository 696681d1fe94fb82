"""What all servers of a row have in common, and the configuration file that says so to each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.sign_in import SignIn, make_pair

__all__ = ["Certificate", "Setting", "configuration", "make_certificate"]

_COMMON = """\
version: 0.1
log:
  level: error
  accesslog:
    disabled: {silent}
storage:
  cache:
    blobdescriptor: inmemory
  delete:
    enabled: true
  maintenance:
    uploadpurging:
      enabled: false
  filesystem:
    rootdirectory: {root}
http:
  addr: 127.0.0.1:{port}
  secret: the-same-for-all
"""
_TLS = """\
  tls:
    certificate: {certificate}
    key: {key}
"""


@dataclass(frozen=True, slots=True)
class Setting:
    """Servers run as long as rows with the same setting are measured."""

    store: str = "contents"
    """`contents`, `middle`, `most` or `empty`: see `Bench.root`."""
    tls: bool = False
    sign_in: str = "none"
    """`none`, `htpasswd` or `token`."""
    access_log: bool = False


@dataclass(frozen=True, slots=True)
class Certificate:
    """Files in PEM: a certificate for 127.0.0.1 and its key."""

    certificate: Path
    key: Path


def make_certificate(folder: Path) -> Certificate:
    """A new one, in files of the folder."""
    return Certificate(*make_pair(folder, "server"))


def configuration(
    root: Path, port: int, certificate: Certificate | None, sign_in: SignIn, access_log: bool, more: str
) -> str:
    """Distribution's YAML; `more` is what one server alone is told."""
    text = _COMMON.format(root=root, port=port, silent="false" if access_log else "true")
    if certificate:
        text += _TLS.format(certificate=certificate.certificate, key=certificate.key)
    return text + sign_in.section + more
