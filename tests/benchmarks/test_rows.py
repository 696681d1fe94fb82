"""The rows, by name."""

from __future__ import annotations

import pytest

from benchmarks.bench import FULL, QUICK, Plan, Scale
from benchmarks.families import all_rows
from benchmarks.targets import Target, target_of

PLANS = [Plan(scale, 1, 1) for scale in (FULL, QUICK)]


@pytest.mark.parametrize("plan", PLANS)
def test_no_two_rows_have_one_name_or_one_title(plan: Plan) -> None:
    rows = all_rows(plan)
    assert len({row.name for row in rows}) == len(rows)
    assert len({row.title for row in rows}) == len(rows)


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("small-base", Target(2, 1.8)),
        ("small-manifest-head-digest", Target(5, 4)),
        ("small-blob-head", Target(5, 4)),
        ("small-tls-blob-head", Target(3, 3)),
        ("small-htpasswd-manifest-get-tag", Target(3, 3)),
        ("small-token-manifest-get-tag", Target(3, 3)),
        ("list-tags-most-last", Target(10, 10)),
        ("list-catalog-most-first", Target(10, 10)),
        ("pull-1m-16", Target(6, 5)),
        ("pull-256m-1", Target(3, 2.5)),
        ("pull-1g-ranges", Target(3, 2.5)),
        ("pull-256m-1-tls", Target(1.25, 1.2)),
        ("push-256m-chunked-1", Target(1.7, 1.4)),
        ("push-256m-sized-1-tls", Target(1.3, 1.2)),
        ("push-1k-16", Target(3, 3)),
        ("push-1m-16", Target(3, 3)),
    ],
)
def test_what_is_promised_stands_beside_a_row_that_exists(name: str, target: Target) -> None:
    assert target_of(name) == target
    for plan in PLANS:
        assert name in {row.name for row in all_rows(plan)}


@pytest.mark.parametrize("name", ["pull-1g-1-cold", "pull-1m-16-cold", "pull-1g-1-tls", "list-tags-10", "docker-push"])
def test_the_other_rows_promise_nothing(name: str) -> None:
    assert target_of(name) == Target()
    assert name in {row.name for row in all_rows(PLANS[0])}


def test_small_folders_have_no_larger_lists_than_the_large_ones() -> None:
    def sizes(scale: Scale) -> tuple[int, ...]:
        return (scale.middle.repositories, scale.most.repositories, *scale.most.tags, *scale.most.referrers)

    assert all(small < large for small, large in zip(sizes(QUICK), sizes(FULL), strict=True))
