"""Options that restrict who gets what: while they are not served, setting one ends the start.

To ignore them with a warning would serve openly what was meant to be closed.
"""

from __future__ import annotations

from txregistry.config.forms import Place, boolean
from txregistry.config.nodes import says_nothing


def refuse_closed(root: Place) -> None:
    """Note each of them that is set as an error."""
    report = root.report
    with report.collecting():
        _refuse_middleware(root)
    for path, purpose in (
        ("proxy", "a pull-through cache"),
        ("policy", "a policy for repositories"),
        ("http.tls.letsencrypt", "a certificate from Let's Encrypt"),
    ):
        with report.collecting():
            found = root.find(path)
            if found is not None and not says_nothing(found.node):
                raise found.refusal(f"{purpose} is not supported yet, and the registry does not start without it")


def declares_open(root: Place) -> bool:
    """Whether it says in so many words that nobody has to prove who he is: `auth: none`. Raise `Refused`."""
    auth = root.find("auth")
    return auth is not None and any(kind.lower() == "none" for kind, _ in auth.entries())


def _refuse_middleware(root: Place) -> None:
    middleware = root.find("middleware")
    if middleware is None:
        return
    for _, stage in middleware.entries():
        for one in stage.items():
            # Distribution ignores the switch; whoever wrote it meant it.
            switch = one.find("disabled")
            if switch is None or not boolean.read(switch):
                one.report.add(one.path, "middleware is not supported yet", one.node.where)
