"""The section `auth`: how those who ask prove who they are."""

from __future__ import annotations

import attrs
from attrs import field, frozen

from txregistry.config.forms import Form, Place, boolean, listed, text
from txregistry.config.sections import option, read_section, section

# RFC 7518 §3.1 and RFC 8037 §3.1: what Distribution 3 knows.
SIGNING_ALGORITHMS = (
    "EdDSA",
    *(f"{family}{bits}" for family in ("HS", "RS", "ES", "PS") for bits in (256, 384, 512)),
)


def _algorithm(place: Place) -> str:
    name = text.read(place)
    if name not in SIGNING_ALGORITHMS:
        raise place.refusal(f"must be one of {', '.join(SIGNING_ALGORITHMS)}")
    return name


def _path(place: Place) -> str:
    path = text.read(place)
    if not path.startswith("/"):
        raise place.refusal("must be a path that begins with a slash")
    return path


@frozen
class Htpasswd:
    """Users and passwords in a file."""

    realm: str = field(metadata=option("What the client shows to whoever is asked for the password.", text))
    path: str = field(
        metadata=option(
            "The file, of lines `USER:HASH` with bcrypt as `htpasswd -B` makes them; read again when it changes. Where "
            "there is none, it is made with the user `docker` and a password that is told in the log once.",
            text,
        )
    )


@frozen
class Silly:
    """Let everybody in who sends any Authorization header: for tests of clients alone."""

    realm: str = field(metadata=option("Where the challenge sends clients for a token.", text))
    service: str = field(metadata=option("The service that the challenge names.", text))


@frozen
class TokenAuth:
    """Tokens that a token server has signed (the Docker token protocol)."""

    service: str = field(metadata=option("What a token has to name as its audience.", text))
    issuer: str = field(metadata=option("What a token has to name as its issuer.", text))
    realm: str = field(
        default="",
        metadata=option("The URL of the token server, to which clients are sent; needed unless autoredirect.", text),
    )
    rootcertbundle: str = field(
        default="",
        metadata=option(
            "A file with certificates in PEM: their keys sign tokens, and so do those of certificates that they "
            "have issued. This or jwks is needed.",
            text,
        ),
    )
    jwks: str = field(
        default="",
        metadata=option(
            "A file with a JSON Web Key Set whose keys sign tokens, or an http or https URL where one is: asked every "
            "five minutes, and when a token names a key that is not known, at most once a minute.",
            text,
        ),
    )
    signingalgorithms: tuple[str, ...] = field(
        default=(),
        metadata=option(
            "The algorithms that a token may be signed by; all that are known where empty.",
            listed(Form("signing algorithm", _algorithm)),
        ),
    )
    autoredirect: bool = field(
        default=False,
        metadata=option("Send clients for tokens to the host that they asked, over https, instead of realm.", boolean),
    )
    autoredirectpath: str = field(
        default="/auth/token",
        metadata=option("The path of the token server on that host.", Form("path", _path)),
    )


@frozen
class Auth:
    """At most one way to sign in; without any, everybody may do everything that the rules allow."""

    htpasswd: Htpasswd | None = field(default=None, metadata=section(Htpasswd))
    token: TokenAuth | None = field(default=None, metadata=section(TokenAuth))
    silly: Silly | None = field(default=None, metadata=section(Silly))

    @property
    def is_open(self) -> bool:
        """Whether nobody has to prove who he is."""
        return self.htpasswd is None and self.token is None and self.silly is None


KINDS = ("htpasswd", "token", "silly")


def read_auth(place: Place) -> Auth:
    """The section. Raise `Refused` for what is not known: to ignore it would serve openly what was meant closed."""
    kinds = dict(place.entries())
    for kind, value in kinds.items():
        if kind not in KINDS and kind.lower() != "none":
            raise value.refusal(f"no way to sign in: use one of {', '.join(KINDS)}, or none")
    if len(kinds) > 1:
        raise place.refusal(f"must name one way to sign in, not {' and '.join(kinds)}")
    [(kind, value)] = kinds.items()
    if kind == "htpasswd":
        return Auth(htpasswd=read_section(Htpasswd, value))
    if kind == "silly":
        return Auth(silly=read_section(Silly, value))
    if kind == "token":
        return Auth(token=_read_token(value))
    return Auth()


def _read_token(place: Place) -> TokenAuth:
    token = read_section(TokenAuth, place)
    if not token.realm and not token.autoredirect:
        raise place.refusal("needs realm, the URL of the token server")
    if not token.rootcertbundle and not token.jwks:
        raise place.refusal("needs rootcertbundle or jwks, to check signatures")
    return attrs.evolve(token, signingalgorithms=token.signingalgorithms or SIGNING_ALGORITHMS)
