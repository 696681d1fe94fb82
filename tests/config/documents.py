"""Short documents, and what becomes of them."""

from __future__ import annotations

from txregistry.config.load import Loaded, load_text
from txregistry.config.model import Configuration
from txregistry.config.problems import ConfigurationError, Kind, Problem

# Lines of a document that needs nothing more; what a test adds begins in line 3.
BASE = "version: 0.1\nstorage: inmemory\n"


def loaded(text: str, **environ: str) -> Loaded:
    return load_text(text, "config.yml", environ)


def configured(text: str = "", **environ: str) -> Configuration:
    """Of `BASE` with more lines, which must not be warned of."""
    result = loaded(BASE + text, **environ)
    assert result.warnings == ()
    return result.configuration


def warnings(text: str, kind: Kind | None = None) -> list[str]:
    """As printed; all of them, or those of one kind."""
    return [str(problem) for problem in loaded(text).warnings if kind in (None, problem.kind)]


def problems(text: str, **environ: str) -> list[Problem]:
    """The errors of a document that cannot be loaded."""
    try:
        result = loaded(text, **environ)
    except ConfigurationError as error:
        return list(error.problems)
    raise AssertionError(f"was accepted as {result.configuration}")


def refusals(text: str, **environ: str) -> list[str]:
    """The same as printed."""
    return [str(problem) for problem in problems(text, **environ)]


def refusal(text: str, **environ: str) -> str:
    """The only error of `BASE` with more lines."""
    [only] = refusals(BASE + text, **environ)
    return only
