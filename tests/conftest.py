"""What tests are told on the command line, and how those that need real programs find them."""

from __future__ import annotations

import signal

import pytest
from hypothesis import settings

# How long an example takes says more of the machine's other work than of the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


# A shell that starts us in the background lets us, and all that we start, ignore what interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("live", "tests with real servers and clients")
    group.addoption(
        "--server",
        default="txregistry",
        choices=("txregistry", "registry2", "registry3"),
        help="which registry the live tests run against; the peers show what is a difference and what is a defect",
    )
    group.addoption("--kills", type=int, default=10, help="how often the server is killed under pushes")
    group.addoption("--power-cuts", type=int, default=4, help="how often the disk is looked at as after a power cut")
    group.addoption("--seed", type=int, default=None, help="repeats a run with kills or power cuts")
    group.addoption("--transfer-mib", type=int, default=48, help="size of each of the 32 transfers of the memory test")
    group.addoption("--model-examples", type=int, default=300, help="how many random sequences the model is tried with")
    group.addoption("--collected-kills", type=int, default=10, help="the same under deletions, and under collections")
    group.addoption("--snapshots", type=int, default=10, help="how often each test of power loss looks at the disk")
    group.addoption("--storm-seconds", type=float, default=30, help="how long each storm lasts")
    group.addoption("--rounds", type=int, default=100, help="how often clients race for one thing")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let a long size take longer before it counts as one that hangs."""
    for item in items:
        for mark in item.iter_markers("takes"):
            option, seconds = mark.args
            item.add_marker(pytest.mark.timeout(float(config.getini("timeout")) + seconds * config.getoption(option)))
