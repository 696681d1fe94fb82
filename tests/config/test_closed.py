"""Options that restrict who gets what: while they are not served, setting one ends the start."""

from __future__ import annotations

import pytest

from tests.config.documents import BASE, configured, problems


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("auth: htpasswd", "auth.htpasswd"),
        ("auth: {silly: }", "auth.silly"),
        ("auth: {token: {realm: r, service: s}}", "auth.token"),
        ("auth: {none: {}, htpasswd: {path: p, realm: r}}", "auth"),
        ("auth: {token: {realm: r, service: s, issuer: i}}", "auth.token"),
        ("auth: {token: {service: s, issuer: i, jwks: j}}", "auth.token"),
        ("auth: {htpaswd: {path: p}}", "auth.htpaswd"),
        ("auth: [htpasswd]", "auth"),
        ("proxy: {remoteurl: https://upstream.example}", "proxy"),
        ("proxy: {username: u}", "proxy"),
        ("proxy: https://upstream.example", "proxy"),
        ("policy: {repository: {classes: [image]}}", "policy"),
        ("middleware: {storage: [{name: cloudfront, options: {}}]}", "middleware.storage[0]"),
        ("middleware: {registry: [{name: a, disabled: false}]}", "middleware.registry[0]"),
        ("middleware: {repository: [{name: a, disabled: true}, {name: b}]}", "middleware.repository[1]"),
        ("middleware: {storage: [{name: a, disabled: perhaps}]}", "middleware.storage[0].disabled"),
        ("middleware: {storage: [redirect]}", "middleware.storage[0]"),
        ("http: {tls: {letsencrypt: {cachefile: /c}}}", "http.tls.letsencrypt"),
        ("http: {tls: {certificate: c, key: k, letsencrypt: {hosts: [a]}}}", "http.tls.letsencrypt"),
    ],
)
def test_what_was_meant_to_be_closed_is_not_served_openly(text: str, path: str) -> None:
    assert [problem.path for problem in problems(BASE + text)] == [path]


@pytest.mark.parametrize(
    "text",
    [
        "auth: none",
        "auth: None",
        "auth: {none: {}}",
        "auth:",
        "proxy: {remoteurl: '', username: ~}",
        "policy: {repository: {classes: []}}",
        "policy: {repository: }",
        "middleware: {storage: [], registry: ~}",
        "middleware: {storage: [{name: cloudfront, disabled: true, options: {baseurl: b}}]}",
        "http: {tls: {letsencrypt: {cachefile: '', hosts: []}}}",
    ],
)
def test_what_is_not_set_or_switched_off_is_no_problem(text: str) -> None:
    assert configured(text) == configured()
