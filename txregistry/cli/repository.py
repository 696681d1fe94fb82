"""`txregistry repository`: what an operator does to one repository."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping

from txregistry.cli.store import CannotOpen, OpenStore, load, run_on_store, tell
from txregistry.config.model import Storage
from txregistry.oci.errors import NameInvalid, RepositoryUnknown
from txregistry.oci.names import RepositoryName


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("repository", help="delete a repository")
    what = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    delete = what.add_parser(
        "delete",
        help="delete it with all its tags and manifests",
        description="Delete a repository with all its tags and manifests, but not those below it. A server may be "
        "running. The next garbage collection frees the space.",
    )
    delete.add_argument("config", metavar="CONFIG", help="the configuration file")
    delete.add_argument("name", metavar="NAME", help="the repository, such as library/app")
    delete.add_argument("-y", "--yes", action="store_true", help="do not ask")
    delete.set_defaults(run=run)


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Delete the repository; return 0, or 1 where it is not deleted."""
    try:
        configuration = load(arguments.config, environ)
        name = RepositoryName.parse(arguments.name)
        refusal = forbids(configuration.storage)
        if refusal:
            return tell(refusal)
        if not arguments.yes and not confirmed(name):
            return tell("nothing was deleted")
        return run_on_store(configuration, lambda store: delete(store, name))
    except CannotOpen as problem:
        return tell(problem)
    except NameInvalid as problem:
        return tell(f"not the name of a repository: {problem.name}")


async def delete(store: OpenStore, name: RepositoryName) -> int:
    """The same on a store that is open, without asking."""
    try:
        await store.registry.deletion.delete(name)
    except RepositoryUnknown:
        return tell(f"there is no repository {name}")
    print(f"Deleted {name}.")
    return 0


def forbids(storage: Storage) -> str:
    """Why nothing may be deleted; empty where it may."""
    if storage.maintenance.readonly:
        return "the registry is read-only (storage.maintenance.readonly.enabled)"
    if not storage.delete.enabled:
        return "deleting is switched off (storage.delete.enabled)"
    return ""


def confirmed(name: RepositoryName) -> bool:
    """Whether somebody at the terminal wants it; nobody does where there is none."""
    if not sys.stdin.isatty():
        return False
    print(f"Delete the repository {name} with all its tags and manifests? [y/N] ", end="", flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
