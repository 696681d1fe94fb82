"""`txregistry adopt`: say that a store which another registry made may be collected."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from txregistry.cli.store import CannotOpen, OpenStore, load, run_on_store, tell
from txregistry.registry.collection.adoption import Adoption


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        "adopt",
        help="let a store that another registry made be collected",
        description="Let a store that another registry made be collected. Say so when no other registry writes to it "
        "any more: what has just been pushed there could be taken away.",
    )
    parser.add_argument("config", nargs="?", metavar="CONFIG", help="the file; by default the one that serve finds")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Adopt the store; return 0, also where it was ours before, or 1 where that cannot be done."""
    try:
        return run_on_store(load(arguments.config, environ), adopt)
    except CannotOpen as problem:
        return tell(problem)


async def adopt(store: OpenStore) -> int:
    """The same on a store that is open."""
    adoption = Adoption(store.driver)
    if await adoption.is_ours():
        print("The store is ours already.")
        return 0
    await adoption.adopt()
    print("The store is adopted: from now on what no manifest names is removed.")
    return 0
