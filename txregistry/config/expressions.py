"""Regular expressions in RE2's syntax, which is Go's, and whose search takes time linear in the text."""

from __future__ import annotations

from typing import Any

from attrs import define, field

from txregistry.config.forms import Form, Place
from txregistry.config.forms import text as text_form


@define(frozen=True)
class Expression:
    """A compiled expression; equal where the patterns are."""

    pattern: str
    _compiled: Any = field(eq=False, repr=False)

    @classmethod
    def compile(cls, pattern: str) -> Expression:
        """Raise `ValueError`, whose text says what is wrong."""
        # Only here, because few configurations have an expression, and the library takes 2.4 MiB.
        import re2  # type: ignore[import-untyped]  # has no stubs

        options = re2.Options()
        options.log_errors = False  # the library writes to standard error of its own accord
        try:
            return cls(pattern, re2.compile(pattern, options))
        except re2.error as error:
            reason = error.args[0] if error.args else ""
            reason = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
            raise ValueError(reason) from None

    def search(self, text: str) -> object | None:
        """A match anywhere in the text, or None; the expression's own ^ and $ anchor it."""
        # JSON can carry half of a surrogate pair, which strict encoding would raise for.
        found: object | None = self._compiled.search(text.encode("utf-8", "surrogatepass"))
        return found

    def taken_from(self, text: str) -> str | None:
        """What the first group holds of a text that matches as a whole, the text where there is no group.

        None where it does not match, or the group has no part in it.
        """
        found = self._compiled.fullmatch(text.encode("utf-8", "surrogatepass"))
        if found is None:
            return None
        part: bytes | None = found.group(1) if self._compiled.groups else found.group(0)
        return None if part is None else part.decode("utf-8", "surrogatepass")


def _read(place: Place) -> Expression:
    try:
        return Expression.compile(text_form.read(place))
    except ValueError as problem:
        raise place.refusal(f"not a regular expression of RE2: {problem}") from None


expression = Form("regular expression", _read)
