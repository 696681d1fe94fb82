from pathlib import Path

import pytest

from txregistry.concurrency.workers import InlineWorkers
from txregistry.config.load import load_text
from txregistry.config.model import TLS, Configuration, Filesystem, InMemory, Storage
from txregistry.daemon.assembly import api_settings, boot_id, storage_driver
from txregistry.daemon.problems import StorageUnusable
from txregistry.daemon.tls import tls_settings
from txregistry.http.tls import TLSSettings


def configuration(text: str) -> Configuration:
    return load_text(f"version: 0.1\n{text}", "config.yml", {}).configuration


def test_every_option_of_the_api_arrives_there() -> None:
    settings = api_settings(
        configuration(
            "storage:\n  inmemory:\n  delete: {enabled: true}\n  maintenance: {readonly: {enabled: true}}\n"
            "http:\n  host: https://registry.example/base\n  prefix: /registry/\n  relativeurls: true\n"
            "  headers: {X-One: [a, b], X-Two: [c]}\n"
            "catalog: {maxentries: 7}\ntags: {maxtags: 8}\n"
        )
    )
    assert (settings.urls.prefix, settings.urls.host, settings.urls.relative) == (
        "/registry/",
        "https://registry.example/base",
        True,
    )
    assert (settings.guard.read_only, settings.guard.deletes) == (True, True)
    assert list(settings.headers) == [(b"X-One", b"a"), (b"X-One", b"b"), (b"X-Two", b"c")]
    assert (settings.catalog_most, settings.tags_most) == (7, 8)


def test_by_default_links_are_relative_and_nothing_can_be_deleted() -> None:
    settings = api_settings(Configuration())
    assert (settings.urls.prefix, settings.urls.host) == ("/", None)
    assert (settings.guard.read_only, settings.guard.deletes) == (False, False)
    assert (list(settings.headers), settings.catalog_most, settings.tags_most) == ([], 1000, 1000)


def test_every_option_of_tls_arrives_there() -> None:
    tls = TLS(
        certificate="a.crt",
        key="a.key",
        clientcas=("ca.crt",),
        clientauth="verify-client-cert-if-given",
        minimumtls="tls1.3",
        ciphersuites=("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",),
    )
    assert tls_settings(tls) == TLSSettings(
        certificate="a.crt",
        key="a.key",
        client_cas=("ca.crt",),
        client_auth="verify-client-cert-if-given",
        minimum_tls="tls1.3",
        cipher_suites=("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",),
    )


def test_the_driver_is_the_configured_one(tmp_path: Path) -> None:
    folder = Storage(driver=Filesystem(rootdirectory=str(tmp_path)))
    assert storage_driver(folder, InlineWorkers()).name == "filesystem"
    assert storage_driver(Storage(driver=InMemory()), InlineWorkers()).name == "inmemory"


def test_a_folder_that_the_driver_cannot_use_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    storage = Storage(driver=Filesystem(rootdirectory=str(tmp_path / "file")))
    with pytest.raises(StorageUnusable) as caught:
        storage_driver(storage, InlineWorkers())
    assert caught.value.folder == str(tmp_path / "file")


def test_the_boot_of_the_machine_has_a_name_that_stays() -> None:
    assert boot_id() == boot_id() != ""
