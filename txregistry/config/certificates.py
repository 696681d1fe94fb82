"""The section `txregistry.certificates`: which user a client's certificate stands for."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen

from txregistry.config.expressions import Expression, expression
from txregistry.config.forms import choice
from txregistry.config.sections import option

UserSource = Literal["subject-cn", "san-email", "san-dns", "san-uri"]
GroupSource = Literal["none", "subject-ou", "subject-o"]

_PART = "The part in its first pair of parentheses is taken, or the whole where it has none."


@frozen
class CertificateUsers:
    """The users that verified certificates of clients stand for; an Authorization header comes before them."""

    user: UserSource = field(
        metadata=option(
            "Where the user's name stands: in the common name of the subject, or among the alternative names.",
            choice("subject-cn", "san-email", "san-dns", "san-uri"),
        ),
    )
    userpattern: Expression | None = field(
        default=None,
        metadata=option(f"What the whole name has to match, or it names nobody. {_PART}", expression),
    )
    groups: GroupSource = field(
        default="none",
        metadata=option(
            "Where the user's groups stand: in the organizational units of the subject, or in its organizations.",
            choice("none", "subject-ou", "subject-o"),
        ),
    )
    grouppattern: Expression | None = field(
        default=None,
        metadata=option(f"What a whole entry has to match, or it names no group. {_PART}", expression),
    )
