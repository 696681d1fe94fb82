"""Overrides of the configuration by variables `REGISTRY_SECTION_KEY`."""

from __future__ import annotations

import pytest

from tests.config.documents import BASE, configured, loaded, problems, refusal, refusals
from txregistry.config.model import Filesystem, InMemory
from txregistry.config.problems import Kind

FILE = "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: /file\n  delete:\n    enabled: true\n"


def test_a_variable_replaces_the_file_s_value() -> None:
    result = loaded(FILE, REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY="/environment")
    assert result.configuration.storage.driver == Filesystem("/environment")
    assert result.configuration.storage.delete.enabled
    assert result.warnings == ()


def test_a_section_that_the_file_lacks_is_made() -> None:
    assert configured(REGISTRY_HTTP_TLS_CERTIFICATE="c", REGISTRY_HTTP_TLS_KEY="k").http.tls is not None


def test_a_whole_section_is_replaced_by_its_variable() -> None:
    storage = loaded(FILE, REGISTRY_STORAGE="inmemory").configuration.storage
    assert storage.driver == InMemory()
    assert not storage.delete.enabled


def test_the_less_specific_variable_comes_first() -> None:
    storage = loaded(
        FILE, REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY="/environment", REGISTRY_STORAGE="filesystem"
    ).configuration.storage
    assert storage.driver == Filesystem("/environment")
    assert not storage.delete.enabled


def test_a_short_form_in_the_file_can_be_added_to() -> None:
    text = "version: 0.1\nstorage: filesystem\n"
    assert loaded(text, REGISTRY_STORAGE_FILESYSTEM_MAXTHREADS="50").configuration.storage.driver == Filesystem(
        maxthreads=50
    )


def test_a_second_driver_from_the_environment_is_refused() -> None:
    assert refusals(FILE, REGISTRY_STORAGE_INMEMORY="{}") == [
        "config.yml:3: storage: must name exactly one storage driver, not filesystem and inmemory"
    ]


def test_a_misspelt_driver_in_the_environment_is_no_warning_but_an_error() -> None:
    """Serving the other folder would look as if everything were lost."""
    [problem] = problems(FILE, REGISTRY_STORAGE_FILESYTEM_ROOTDIRECTORY="/data")
    assert problem.path == "storage.filesytem"
    assert problem.where == "REGISTRY_STORAGE_FILESYTEM_ROOTDIRECTORY"


def test_values_are_yaml() -> None:
    http = configured(REGISTRY_HTTP_HEADERS="{X-A: [b, c], X-D: e}", REGISTRY_HTTP_RELATIVEURLS="true").http
    assert http.headers == (("X-A", ("b", "c")), ("X-D", ("e",)))
    assert http.relativeurls


def test_strings_keep_their_source_text() -> None:
    assert configured(REGISTRY_HTTP_SECRET="0123").http.secret == "0123"
    assert configured(REGISTRY_HTTP_SECRET="yes").http.secret == "yes"


@pytest.mark.parametrize("text", ["@secret", "[::1]", "a: b", "%x", "*x", "{a}", "`", "- a"])
def test_where_one_value_belongs_text_that_is_no_single_yaml_value_is_taken_as_it_stands(text: str) -> None:
    assert configured(REGISTRY_HTTP_SECRET=text).http.secret == text


def test_an_address_of_ipv6_needs_no_quotes() -> None:
    assert configured(REGISTRY_HTTP_ADDR="[::1]:5000").http.address.host == "::1"


def test_an_empty_variable_sets_the_default() -> None:
    assert configured("http: {addr: ':7000'}", REGISTRY_HTTP_ADDR="").http.addr == ":5000"


def test_broken_yaml_is_an_error_that_names_the_variable() -> None:
    assert refusal("", REGISTRY_HTTP_HEADERS="{a: [").startswith("REGISTRY_HTTP_HEADERS: http.headers: not YAML: ")


def test_a_wrong_value_is_an_error_that_names_the_variable() -> None:
    assert (
        refusal("", REGISTRY_LOG_LEVEL="loud")
        == "REGISTRY_LOG_LEVEL: log.level: must be one of error, warn, info, debug"
    )


def test_items_go_by_their_index() -> None:
    text = "http: {tls: {certificate: c, key: k, clientcas: [a, b]}}"
    http = configured(text, REGISTRY_HTTP_TLS_CLIENTCAS_1="B", REGISTRY_HTTP_TLS_CLIENTCAS_2="C").http
    assert http.tls is not None
    assert http.tls.clientcas == ("a", "B", "C")


def test_fields_of_an_item_that_is_not_there_yet_are_set_one_by_one() -> None:
    configuration = configured(
        REGISTRY_VALIDATION_MANIFESTS_INDEXES_PLATFORMLIST_0_ARCHITECTURE="arm64",
        REGISTRY_VALIDATION_MANIFESTS_INDEXES_PLATFORMLIST_0_OS="linux",
    )
    [platform] = configuration.validation.manifests.indexes.platformlist
    assert (platform.os, platform.architecture) == ("linux", "arm64")


@pytest.mark.parametrize("index", ["1", "7", "X", "-1", "99999999999", "\u00b2"])
def test_an_index_beyond_the_list_is_an_error(index: str) -> None:
    text = "http: {tls: {certificate: c, key: k, clientcas: []}}"
    name = f"REGISTRY_HTTP_TLS_CLIENTCAS_{index}"
    assert refusal(text, **{name: "x"}).startswith(f"{name}: http.tls.clientcas.")


def test_a_header_in_the_file_is_found_in_any_case() -> None:
    http = configured(
        "http: {headers: {X-Frame-Options: [deny]}}", **{"REGISTRY_HTTP_HEADERS_X-FRAME-OPTIONS": "[no]"}
    ).http
    assert http.headers == (("X-Frame-Options", ("no",)),)


def test_a_new_key_is_lower_case() -> None:
    assert configured(REGISTRY_LOG_FIELDS_SERVICE="registry").log.fields == (("service", "registry"),)


@pytest.mark.parametrize("name", ["REGISTRY_HEALTH_FILECHECKERS_0_FILE", "REGISTRY_HEALTH_FILE_0_FILE"])
def test_go_s_names_and_yaml_s_spellings_both_count(name: str) -> None:
    [warning] = loaded(BASE, **{name: "/down"}).warnings
    assert f"health ({name})" in warning.message


@pytest.mark.parametrize(
    "name",
    [
        "REGISTRY_HEALTH_HTTPCHECKERS_0_URI",
        "REGISTRY_HEALTH_TCPCHECKERS_0_ADDR",
        "REGISTRY_NOTIFICATIONS_EVENTCONFIG_INCLUDEREFERENCES",
        "REGISTRY_NOTIFICATIONS_ENDPOINTS_0_URL",
        "REGISTRY_LOG_HOOKS_0_MAILOPTIONS_SMTP_ADDR",
        "REGISTRY_COMPATIBILITY_SCHEMA1_TRUSTKEY",
        "REGISTRY_REDIS_ADDRS_0",
    ],
)
def test_go_s_names_of_what_is_not_here_yet_are_known(name: str) -> None:
    assert [warning.kind for warning in loaded(BASE, **{name: "x"}).warnings] == [Kind.UNSUPPORTED]


@pytest.mark.parametrize(
    "name",
    [
        "REGISTRY_PORT",  # Kubernetes makes these for a service that is called "registry"
        "REGISTRY_PORT_5000_TCP_ADDR",
        "REGISTRY_SERVICE_HOST",
        "REGISTRY_",
        "REGISTRY__HTTP",
        "REGISTRY_HTTP_",
        "REGISTRY_HTTP_ADDR_HOST",
        "REGISTRY_http_addr",
        "REGISTRY_VERSION",
    ],
)
def test_a_variable_that_names_nothing_is_warned_of_and_its_value_not_looked_at(name: str) -> None:
    [warning] = loaded(BASE, **{name: "tcp://10.0.0.1:5000 {["}).warnings
    assert warning.kind is Kind.UNKNOWN
    assert warning.where == name


def test_a_variable_for_our_own_section_that_names_nothing_is_an_error() -> None:
    assert refusal("", REGISTRY_TXREGISTRY_TURBO="1") == "REGISTRY_TXREGISTRY_TURBO: txregistry.turbo: unknown key"


def test_other_variables_are_nobody_s_business() -> None:
    configured("", REGISTRYX="1", PATH="/bin", REGISTRY_CONFIGURATION_PATH="/a", REGISTRY="x")


def test_a_key_cannot_be_put_into_a_word() -> None:
    assert "there is no section" in refusals(BASE + "http: word\n", REGISTRY_HTTP_ADDR=":1")[-1]


def test_an_item_cannot_be_put_into_a_word() -> None:
    text = "http: {tls: {certificate: c, key: k, clientcas: a}}"
    assert "there is no list" in refusal(text, REGISTRY_HTTP_TLS_CLIENTCAS_0="x")


def test_the_old_variable_for_the_level_still_works() -> None:
    assert configured(REGISTRY_LOGLEVEL="debug").log.level == "debug"
    assert configured(REGISTRY_LOGLEVEL="debug", REGISTRY_LOG_LEVEL="warn").log.level == "warn"


def test_bytes_that_are_no_text_are_an_error() -> None:
    assert refusal("", REGISTRY_HTTP_SECRET="\udcff").startswith("REGISTRY_HTTP_SECRET: http.secret: ")


@pytest.mark.parametrize("name", ["REGISTRY_AUTH", "REGISTRY_AUTH_HTPASSWD_PATH", "REGISTRY_AUTH_MINE_REALM"])
def test_what_closes_the_registry_is_refused_from_the_environment_too(name: str) -> None:
    refused = refusal("", **{name: "htpasswd"})
    assert "auth.htpasswd: needs" in refused or "auth.mine: no way to sign in" in refused
