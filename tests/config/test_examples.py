"""The example configurations load as they stand, and the reference is that of the model."""

from __future__ import annotations

from pathlib import Path

import pytest

from txregistry.config.load import load_configuration
from txregistry.config.model import Configuration, Filesystem, InMemory
from txregistry.config.reference import render
from txregistry.config.sections import options

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted(path.name for path in (ROOT / "etc").glob("*.yml"))


def example(name: str) -> Configuration:
    result = load_configuration(str(ROOT / "etc" / name), {})
    assert result.warnings == ()
    return result.configuration


def test_there_are_examples() -> None:
    assert {"behind-nginx.yml", "development.yml", "in-memory.yml", "production.yml"} <= set(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_loads_without_a_warning(name: str) -> None:
    assert example(name).version == "0.1"


def test_the_example_for_development_keeps_its_data_in_a_local_folder() -> None:
    configuration = example("development.yml")
    assert configuration.storage.driver == Filesystem("./data")
    assert configuration.storage.delete.enabled
    assert configuration.http.addr == ":5000"


def test_the_example_for_production_asks_every_client_for_a_certificate() -> None:
    tls = example("production.yml").http.tls
    assert tls is not None
    assert tls.clientauth == "require-and-verify-client-cert"


def test_the_example_for_production_uses_all_processors() -> None:
    assert example("production.yml").txregistry.workers is None


def test_the_example_behind_nginx_listens_where_nginx_looks() -> None:
    http = example("behind-nginx.yml").http
    assert http.net == "unix"
    assert http.host is None
    assert f"server unix:{http.addr};" in (ROOT / "etc" / "nginx.conf").read_text()


def test_the_example_in_memory_is_reached_from_this_machine_only() -> None:
    configuration = example("in-memory.yml")
    assert configuration.storage.driver == InMemory()
    assert configuration.http.address.host == "127.0.0.1"


def test_the_nginx_example_spools_neither_uploads_nor_downloads() -> None:
    lines = {line.strip() for line in (ROOT / "etc" / "nginx.conf").read_text().splitlines()}
    assert {"client_max_body_size 0;", "proxy_request_buffering off;", "proxy_buffering off;"} <= lines


def test_the_reference_is_that_of_the_model() -> None:
    """When this fails: python -m txregistry.config.reference > docs/reference/configuration.md"""
    assert (ROOT / "docs" / "reference" / "configuration.md").read_text(encoding="utf-8") == render()


def test_every_option_of_the_model_stands_in_the_reference_with_a_sentence() -> None:
    page = render()

    def check(cls: type, above: str) -> None:
        for _, found in options(cls):
            if found.section is not None:
                check(found.section, f"{above}{found.key}.")
            else:
                assert found.description.endswith(".")
                assert f"| `{above}{found.key}` |" in page

    check(Configuration, "")
    assert "| `storage.filesystem.rootdirectory` |" in page
