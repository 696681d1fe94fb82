"""From a file and the environment to a configuration, or to everything that is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.documents import BASE, configured, loaded, problems, refusals, warnings
from txregistry.config.load import find_configuration, load_configuration
from txregistry.config.model import Configuration, Filesystem, InMemory
from txregistry.config.problems import ConfigurationError, Kind, Problem

# What the image of registry:3 ships, in substance.
STOCK = """\
version: 0.1
log:
  fields:
    service: registry
storage:
  cache:
    blobdescriptor: inmemory
  filesystem:
    rootdirectory: /var/lib/registry
http:
  addr: :5000
  headers:
    X-Content-Type-Options: [nosniff]
health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
"""


def test_the_stock_configuration_loads_with_one_warning_that_names_what_is_not_here_yet() -> None:
    result = loaded(STOCK)
    [warning] = result.warnings
    assert warning.kind is Kind.UNSUPPORTED
    assert "storage.cache (line 6), health (line 14)" in warning.message
    assert result.configuration.storage.driver == Filesystem("/var/lib/registry", 100)
    assert result.configuration.http.headers == (("X-Content-Type-Options", ("nosniff",)),)
    assert result.configuration.log.fields == (("service", "registry"),)
    assert result.source == "config.yml"


def test_without_a_file_the_defaults_hold() -> None:
    result = load_configuration(None, {})
    assert result.configuration == Configuration()
    assert result.warnings == ()
    assert result.source == "built-in defaults"
    assert isinstance(result.configuration.storage.driver, Filesystem)
    assert result.configuration.storage.driver.rootdirectory == "/var/lib/registry"
    assert result.configuration.http.address.port == 5000


def test_without_a_file_the_environment_is_heard() -> None:
    environ = {"REGISTRY_HTTP_ADDR": "127.0.0.1:0", "REGISTRY_STORAGE_DELETE_ENABLED": "true"}
    configuration = load_configuration(None, environ).configuration
    assert configuration.http.addr == "127.0.0.1:0"
    assert configuration.storage.delete.enabled
    assert isinstance(configuration.storage.driver, Filesystem)


@pytest.mark.parametrize("environ", [{"REGISTRY_STORAGE": "inmemory"}, {"REGISTRY_STORAGE_INMEMORY": "{}"}])
def test_without_a_file_the_environment_may_choose_the_driver(environ: dict[str, str]) -> None:
    assert load_configuration(None, environ).configuration.storage.driver == InMemory()


def test_a_file_is_read_and_named_in_messages(tmp_path: Path) -> None:
    path = tmp_path / "config.yml"
    path.write_text(BASE + "http:\n  addr: nowhere\n")
    with pytest.raises(ConfigurationError) as raised:
        load_configuration(str(path), {})
    [problem] = raised.value.problems
    assert problem.path == "http.addr"
    assert problem.where == f"{path}:4"
    assert str(raised.value) == str(problem)


def test_a_byte_order_mark_is_no_part_of_the_document(tmp_path: Path) -> None:
    path = tmp_path / "config.yml"
    path.write_bytes(b"\xef\xbb\xbf" + BASE.encode())
    assert load_configuration(str(path), {}).warnings == ()


@pytest.mark.parametrize("name", ["missing.yml", ".", "a\x00b", "a" * 300])
def test_a_file_that_cannot_be_read_is_one_clear_problem(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        load_configuration(f"{tmp_path}/{name}", {})
    [problem] = raised.value.problems
    assert problem.message.startswith("cannot be read: ")


def test_a_file_that_is_no_text_is_one_clear_problem(tmp_path: Path) -> None:
    path = tmp_path / "config.yml"
    path.write_bytes(b"version: \xff\xfe")
    with pytest.raises(ConfigurationError) as raised:
        load_configuration(str(path), {})
    assert [problem.message for problem in raised.value.problems] == ["not UTF-8 text, from byte 9 on"]


def test_an_endless_file_is_not_read_to_its_end() -> None:
    with pytest.raises(ConfigurationError):
        load_configuration("/dev/zero", {})


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file() -> None:
    text = """\
version: 0.2
log:
  level: chatty
  accesslog:
    disabled: perhaps
storage: s3
http:
  addr: "5000"
  headers:
    bad name: [x]
validation:
  manifests:
    urls:
      allow: ["(", "fine", "["]
catalog:
  maxentries: many
txregistry:
  turbo: true
"""
    assert [(problem.path, problem.where.removeprefix("config.yml:")) for problem in problems(text)] == [
        ("version", "1"),
        ("log.level", "3"),
        ("log.accesslog.disabled", "5"),
        ("storage.s3", "6"),
        ("http.addr", "8"),
        ("http.headers.bad name", "10"),
        ("validation.manifests.urls.allow[0]", "14"),
        ("validation.manifests.urls.allow[2]", "14"),
        ("catalog.maxentries", "16"),
        ("txregistry.turbo", "18"),
    ]


def test_errors_of_the_environment_are_told_beside_those_of_the_file() -> None:
    assert refusals("version: 0.1\nstorage: inmemory\nlog: {level: x}", REGISTRY_HTTP_NET="udp") == [
        "config.yml:3: log.level: must be one of error, warn, info, debug",
        "REGISTRY_HTTP_NET: http.net: must be one of tcp, unix",
    ]


@pytest.mark.parametrize("text", ["storage: inmemory", "version:\nstorage: inmemory", "version: ''\nstorage: inmemory"])
def test_a_document_without_a_version_is_refused(text: str) -> None:
    assert refusals(text) == ["config.yml:1: version: is missing"]


@pytest.mark.parametrize("version", ["0.2", "0.10", "0.1.0", "1", "[0.1]", "v0.1"])
def test_another_version_is_refused(version: str) -> None:
    [problem] = problems(f"version: {version}\nstorage: inmemory")
    assert problem.path == "version"


@pytest.mark.parametrize("version", ["0.1", "'0.1'", '"0.1"'])
def test_the_version_may_be_quoted(version: str) -> None:
    assert loaded(f"version: {version}\nstorage: inmemory").configuration.version == "0.1"


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "~"])
def test_an_empty_file_lacks_what_it_needs(text: str) -> None:
    assert [problem.path for problem in problems(text)] == ["version", "storage"]


@pytest.mark.parametrize("text", ["- version: 0.1", "just a word", "[]x", "0.1"])
def test_a_document_that_is_no_mapping_is_one_problem(text: str) -> None:
    [problem] = problems(text)
    assert problem.path == ""
    assert problem.where == "config.yml:1"


@pytest.mark.parametrize("name", ["log", "http", "validation", "catalog", "tags", "txregistry"])
def test_a_section_that_is_a_list_or_a_word_is_refused_once(name: str) -> None:
    for value in ("[a, b]", "word"):
        assert refusals(f"{BASE}{name}: {value}") == [f"config.yml:3: {name}: must be a mapping of keys to values"]


@pytest.mark.parametrize(
    "name", ["log", "http", "validation", "catalog", "tags", "txregistry", "auth", "proxy", "health"]
)
def test_an_empty_section_says_nothing(name: str) -> None:
    for value in ("", "~", "{}"):
        assert configured(f"{name}: {value}\n") == configured()


def test_a_key_that_stands_twice_is_an_error() -> None:
    [problem] = problems("version: 0.1\nstorage: inmemory\nstorage: filesystem\n")
    assert problem == Problem("storage", "the key stands here twice, first at config.yml:2", "config.yml:3")


def test_strings_keep_their_source_text() -> None:
    http = configured("http: {secret: 0123, tls: {certificate: yes, key: 1e3}}").http
    assert http.secret == "0123"
    assert http.tls is not None
    assert (http.tls.certificate, http.tls.key) == ("yes", "1e3")


def test_a_secret_does_not_show_in_the_printed_configuration() -> None:
    assert "hunter2" not in repr(configured("http: {secret: hunter2}"))


def test_control_characters_of_the_document_do_not_reach_the_terminal() -> None:
    [warning] = warnings(BASE + '"\\e[31mred\\n": 1\n')
    assert warning == r"config.yml:3: \x1b[31mred\n: unknown key"


def test_what_is_quoted_from_the_document_is_cut() -> None:
    [warning] = warnings(BASE + "? " + "x" * 100_000 + "\n: 1\n")
    assert len(warning) == 2001


@pytest.mark.parametrize("value", ["{a: b}", "{}x"])
def test_a_mapping_where_a_list_belongs_is_refused(value: str) -> None:
    assert len(refusals(f"{BASE}validation: {{manifests: {{urls: {{allow: {value}}}}}}}")) == 1


@pytest.mark.parametrize("number", ["010", "0o10", "0x8", "0b1000", "8", "+8"])
def test_numbers_are_written_as_yaml_1_1_has_them(number: str) -> None:
    assert configured(f"tags: {{maxtags: {number}}}").tags.maxtags == 8


@pytest.mark.parametrize("number", ["-1", "1.5", "1e3", "08", "'eight'", "[8]", "{a: 1}", "9" * 30, "\u0668"])
def test_what_is_no_number_is_refused(number: str) -> None:
    [problem] = problems(f"{BASE}tags: {{maxtags: {number}}}")
    assert problem.path == "tags.maxtags"


@pytest.mark.parametrize(
    ("word", "value"),
    [(word, True) for word in ("true", "True", "yes", "on", "y", "'true'")] + [("off", False), ("N", False)],
)
def test_truth_is_written_as_yaml_1_1_has_it(word: str, value: bool) -> None:
    assert configured(f"validation: {{disabled: {word}}}").validation.disabled is value


@pytest.mark.parametrize("entries", [0, -1, 1000])
def test_a_number_of_entries_that_is_not_positive_means_the_default(entries: int) -> None:
    assert configured(f"catalog: {{maxentries: {entries}}}").catalog.maxentries == 1000


def test_the_page_sizes_are_taken() -> None:
    configuration = configured("catalog: {maxentries: 7}\ntags: {maxtags: 8}")
    assert (configuration.catalog.maxentries, configuration.tags.maxtags) == (7, 8)


STANDARD = ["/etc/txregistry/config.yml", "/etc/distribution/config.yml", "/etc/docker/registry/config.yml"]


def test_an_explicit_file_is_taken_whether_it_exists_or_not() -> None:
    environ = {"REGISTRY_CONFIGURATION_PATH": "/from/environment.yml"}
    assert find_configuration("mine.yml", environ, lambda _path: False) == "mine.yml"


def test_the_environment_names_the_file_next() -> None:
    environ = {"REGISTRY_CONFIGURATION_PATH": "/from/environment.yml"}
    assert find_configuration(None, environ, lambda _path: True) == "/from/environment.yml"


@pytest.mark.parametrize("first", range(3))
def test_the_standard_files_are_tried_in_order(first: int) -> None:
    assert find_configuration(None, {}, lambda path: path in STANDARD[first:]) == STANDARD[first]


def test_no_file_at_all_means_the_defaults() -> None:
    assert find_configuration(None, {"REGISTRY_CONFIGURATION_PATH": ""}, lambda _path: False) is None
