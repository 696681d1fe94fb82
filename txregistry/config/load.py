"""From a file and the environment to a configuration, or to everything that is wrong with it."""

from __future__ import annotations

import os.path
from collections.abc import Callable, Mapping

from attrs import frozen

from txregistry.config.closed import declares_open, refuse_closed
from txregistry.config.distribution import BESIDE_THE_DRIVER
from txregistry.config.document import modernised, survey
from txregistry.config.environment import CONFIGURATION_PATH, apply_environment
from txregistry.config.forms import Place
from txregistry.config.model import VERSION, Configuration, read_configuration
from txregistry.config.nodes import Entry, Scalar, Table
from txregistry.config.parsing import LONGEST, Malformed, parse
from txregistry.config.problems import ConfigurationError, Problem, Report

DEFAULTS = "built-in defaults"
_STANDARD_PATHS = (
    "/etc/txregistry/config.yml",
    "/etc/distribution/config.yml",  # Distribution 3
    "/etc/docker/registry/config.yml",  # Distribution 2
)


@frozen
class Loaded:
    """A configuration, what is doubtful about it, and where it came from: a path, or "built-in defaults".

    `declared_open` tells that `auth: none` is written there, so that nobody needs to be warned of it.
    """

    configuration: Configuration
    warnings: tuple[Problem, ...]
    source: str
    declared_open: bool = False


def find_configuration(
    explicit: str | None, environ: Mapping[str, str], exists: Callable[[str], bool] = os.path.isfile
) -> str | None:
    """The file to load: the explicit one, `REGISTRY_CONFIGURATION_PATH`, or the first standard one that exists.

    The first two need not exist: that they do not is an error to report, not a reason to serve something else. None
    means the built-in defaults.
    """
    named = explicit or environ.get(CONFIGURATION_PATH)
    return named or next((path for path in _STANDARD_PATHS if exists(path)), None)


def load_configuration(path: str | None, environ: Mapping[str, str]) -> Loaded:
    """The configuration in a file, or the built-in defaults, with the overrides of the environment.

    Raise `ConfigurationError` with every error at once; no other exception, whatever the file holds.
    """
    source = DEFAULTS if path is None else path
    text = f"version: {VERSION}" if path is None else _read(path)
    return _load(text, source, environ, path is None)


def load_text(text: str, source: str, environ: Mapping[str, str]) -> Loaded:
    """The same for a document that is already in memory; `source` is what messages call it."""
    return _load(text, source, environ, False)


def _load(text: str, source: str, environ: Mapping[str, str], default_driver: bool) -> Loaded:
    report = Report()
    root = modernised(apply_environment(_document(text, source, report), environ, report))
    if default_driver:
        root = _with_a_driver(root)
    survey(root, source, report)
    place = Place("", root, report)
    refuse_closed(place)
    configuration = None
    with report.collecting():
        configuration = read_configuration(place)
    report.settle()
    report.raise_errors()
    assert configuration is not None  # or the report had errors
    return Loaded(configuration, tuple(report.warnings), source, declares_open(place))


def _read(path: str) -> str:
    try:
        with open(path, "rb") as file:
            # A device or a log file named by mistake shall not fill memory.
            content = file.read(4 * LONGEST + 1)
        return content.decode("utf-8-sig")
    except OSError as error:
        message = f"cannot be read: {error.strerror or error}"
    except UnicodeDecodeError as error:
        message = f"not UTF-8 text, from byte {error.start} on"
    except ValueError:
        message = "cannot be read: not a path"
    raise ConfigurationError((Problem("", message, path),))


def _document(text: str, source: str, report: Report) -> Table:
    try:
        root = parse(text, lambda line: f"{source}:{line}", report)
    except Malformed as malformed:
        problem = Problem("", malformed.message, malformed.where)
        raise ConfigurationError((*report.errors, problem)) from malformed
    if isinstance(root, Scalar) and root.is_unset:
        root = Table((), source)  # an empty file: what it lacks is said below
    if not isinstance(root, Table):
        raise ConfigurationError((Problem("", "a configuration is a mapping of keys to values", root.where),))
    return root


def _with_a_driver(root: Table) -> Table:
    """With the default storage driver, unless the environment has named one."""
    storage = root.get("storage")
    if storage is None or storage.is_unset:
        storage = Table((), DEFAULTS)
    if isinstance(storage, Table) and all(entry.key in BESIDE_THE_DRIVER for entry in storage.entries):
        driver = Entry("filesystem", DEFAULTS, Scalar("", DEFAULTS))
        storage = Table((driver, *storage.entries), storage.where)
    return root.put("storage", storage.where, storage)
