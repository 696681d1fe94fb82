"""The checker itself: what a reader may see."""

from __future__ import annotations

from tests.faults.support.ledger import NEVER, Deletion, Ledger, Put


def _ledger(*events: Put | Deletion) -> Ledger:
    return Ledger(
        [event for event in events if isinstance(event, Put)],
        [event for event in events if isinstance(event, Deletion)],
    )


def _put(digest: str, started: float, finished: float = NEVER) -> Put:
    return Put("app", "1", digest, started, finished)


def _deletion(digest: str, started: float, finished: float = NEVER) -> Deletion:
    return Deletion("app", digest, started, finished)


def test_a_tag_is_the_last_push_that_was_acknowledged() -> None:
    assert _ledger(_put("a", 1, 2), _put("b", 3, 4)).allowed("app", "1", 5) == {"b"}


def test_a_tag_may_be_any_of_the_pushes_that_ran_at_once() -> None:
    assert _ledger(_put("a", 1, 4), _put("b", 2, 3)).allowed("app", "1", 5) == {"a", "b"}


def test_a_push_without_an_answer_may_have_happened_or_not() -> None:
    assert _ledger(_put("a", 1)).allowed("app", "1", 5) == {None, "a"}
    assert _ledger(_put("a", 1, 2), _put("b", 3)).allowed("app", "1", 5) == {"a", "b"}


def test_a_reader_that_began_before_the_answer_may_see_the_old() -> None:
    assert _ledger(_put("a", 1, 2), _put("b", 3, 4)).allowed("app", "1", 3.5) == {"a", "b"}


def test_what_was_deleted_is_gone() -> None:
    assert _ledger(_put("a", 1, 2), _deletion("a", 3, 4)).allowed("app", "1", 5) == {None}
    assert _ledger(_put("a", 1, 2), _deletion("a", 3)).allowed("app", "1", 5) == {None, "a"}


def test_the_deletion_of_an_older_manifest_does_not_excuse_a_missing_tag() -> None:
    ledger = _ledger(_put("a", 1, 2), _put("b", 3, 4), _deletion("a", 3.5, 5))
    assert ledger.allowed("app", "1", 6) == {"b"}


def test_what_is_pushed_again_after_its_deletion_is_back() -> None:
    ledger = _ledger(_put("a", 1, 2), _deletion("a", 3, 4), _put("a", 5, 6))
    assert ledger.allowed("app", "1", 7) == {"a"}
    assert ledger.kept_manifests() == {("app", "a")}
    assert ledger.deleted_manifests() == set()


def test_a_manifest_is_kept_unless_somebody_tried_to_delete_it() -> None:
    ledger = _ledger(_put("a", 1, 2), _put("b", 1, 2), _put("c", 1), _deletion("b", 3), _put("d", 1, 2))
    assert ledger.kept_manifests() == {("app", "a"), ("app", "d")}
    assert _ledger(_put("a", 1, 2), _deletion("a", 3, 4)).deleted_manifests() == {("app", "a")}
