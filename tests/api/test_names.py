"""Lists of names as JSON."""

from __future__ import annotations

import json

import pytest

from tests.api.client import Client
from tests.registry.world import World, now
from txregistry.api.names import json_names
from txregistry.storage import layout


@pytest.mark.parametrize("names", [[], ["a"], ["a", "b/c-d.e_f"], ["ä", "語"], ['a"b'], ["a\\b"], ["a\nb"], ["", " "]])
def test_any_names_are_written_as_json_has_them(names: list[str]) -> None:
    assert json_names(names) == json.dumps(names, separators=(",", ":"), ensure_ascii=False)


def test_a_folder_of_any_name_leaves_the_catalog_readable() -> None:
    world = World()
    for name in ('"]}', "\\", "ä"):
        now(world.driver.write(f"{layout.REPOSITORIES}/{name}/_layers/x", b""))
    assert Client(world)("GET", "/v2/_catalog").document == {"repositories": ['"]}', "\\", "ä"]}
