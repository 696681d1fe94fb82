"""What an LDAP server says of a user and a password.

Needs the extra `ldap`, and is imported only where that is configured.
"""

from __future__ import annotations

import math
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from attrs import field, frozen
from ldap3 import ANONYMOUS, DEREF_NEVER, NONE, SIMPLE, SUBTREE, SYNC, Connection, Server, Tls  # type: ignore[import-untyped]  # has no stubs
from ldap3.core.exceptions import LDAPException  # type: ignore[import-untyped]  # has no stubs

from txregistry.auth.directory import DirectoryUnavailable, Member, filled
from txregistry.config.ldap import LDAP

# RFC 4511, appendix A.2.
_SUCCESS = 0
_SIZE_LIMIT_EXCEEDED = 4
# A wrong password, none in the entry, and one that policy refuses (locked or expired).
_REFUSALS = frozenset({19, 48, 49, 50, 53})
_LONGEST_REASON = 300
# More than this nobody is in.
_MOST_GROUPS = 1000


@frozen
class LDAPDirectory:
    """Answers one question a connection; `password` is that of `settings.binddn`. Referrals are not followed."""

    settings: LDAP
    password: str = field(default="", repr=False)

    def check(self, user: str, password: bytes) -> Member | None:
        """Who it is, None where there is no such user or the password is wrong.

        Blocks, for workers; raise `DirectoryUnavailable`.
        """
        if not user or not password:
            # RFC 4513 §5.1.2: a bind without a password succeeds, and says nothing at all.
            return None
        try:
            with self._connection() as connection:
                return self._check(connection, user, password)
        except (LDAPException, OSError, ssl.SSLError) as error:
            # A certificate that is not believed is told with all that is in it.
            reason = f"{type(error).__name__}: {error}"
            raise DirectoryUnavailable(reason[:_LONGEST_REASON]) from error

    def _check(self, connection: Any, user: str, password: bytes) -> Member | None:
        settings = self.settings
        base, template = settings.basedn, settings.userfilter
        entries = self._search(connection, base, filled(template, user=user), settings.userattribute, 2)
        if len(entries) != 1:
            return None
        dn: str = entries[0]["dn"]
        name = _name(_texts(entries[0], settings.userattribute), user)
        if not dn or name is None:
            return None
        groups = self._groups(connection, dn, name)
        # Last, and on the same connection, which is then the user's and is not used again.
        connection.rebind(user=dn, password=password, authentication=SIMPLE)
        code = connection.result["result"]
        if code == _SUCCESS:
            return Member(name, groups)
        if code in _REFUSALS:
            return None
        raise DirectoryUnavailable(f"bind of a user: {connection.result['description']}")

    def _groups(self, connection: Any, dn: str, user: str) -> frozenset[str]:
        settings = self.settings
        if not settings.groupfilter:
            return frozenset()
        condition = filled(settings.groupfilter, user=user, dn=dn)
        base, attribute = settings.groupbasedn or settings.basedn, settings.groupattribute
        entries = self._search(connection, base, condition, attribute, _MOST_GROUPS)
        return frozenset(name for entry in entries for name in _texts(entry, attribute))

    def _search(
        self, connection: Any, base: str, condition: str, attribute: str, most: int
    ) -> Sequence[Mapping[str, Any]]:
        connection.search(
            base,
            condition,
            SUBTREE,
            dereference_aliases=DEREF_NEVER,
            attributes=[attribute],
            size_limit=most,
            time_limit=math.ceil(self.settings.timeout),
        )
        if connection.result["result"] not in (_SUCCESS, _SIZE_LIMIT_EXCEEDED):
            raise DirectoryUnavailable(f"search below {base}: {connection.result['description']}")
        return [entry for entry in connection.response or () if entry["type"] == "searchResEntry"]

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        """Encrypted where that is configured, and bound as whoever looks for users."""
        settings = self.settings
        tls = Tls(
            validate=ssl.CERT_REQUIRED,
            ca_certs_file=settings.cacert or None,
            sni=settings.host,
        )
        server = Server(
            settings.host,
            settings.port,
            use_ssl=settings.speaks_tls,
            get_info=NONE,
            tls=tls,
            connect_timeout=settings.timeout,
        )
        who = (
            {"user": settings.binddn, "password": self.password, "authentication": SIMPLE}
            if settings.binddn
            else {"authentication": ANONYMOUS}
        )
        connection = Connection(
            server,
            client_strategy=SYNC,
            auto_referrals=False,
            check_names=False,
            read_only=True,
            # The library hands it to the kernel as it is, and takes whole seconds only.
            receive_timeout=math.ceil(settings.timeout),
            **who,
        )
        try:
            connection.open()
            if settings.starttls and not connection.start_tls():
                raise DirectoryUnavailable("the server does not begin TLS")
            if not connection.bind():
                raise DirectoryUnavailable(f"bind of {settings.binddn or 'nobody'}: {connection.result['description']}")
            yield connection
        finally:
            connection.unbind()


def _texts(entry: Mapping[str, Any], attribute: str) -> list[str]:
    """The values of an attribute that are text; its name may come back in other case."""
    for name, values in entry["raw_attributes"].items():
        if name.lower() == attribute.lower():
            return [text for text in map(_text, values) if text is not None]
    return []


def _text(value: bytes) -> str | None:
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return text if text and text.isprintable() else None


def _name(names: Sequence[str], shown: str) -> str | None:
    """As the directory writes it: to most of them, Alice is alice, and to the rules she is somebody else."""
    if shown in names:
        return shown
    return names[0] if len(names) == 1 else None
