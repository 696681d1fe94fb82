"""How long a page may be (CVE-2023-2253: a huge `n` made Distribution allocate for it)."""

from __future__ import annotations

import pytest

from txregistry.api.pagination import last_seen, page_size
from txregistry.oci.errors import PaginationInvalid


@pytest.mark.parametrize("text", ["-1", "x", "1e3", "", " 1", "+1", "1.0", "٣", "9" * 5000, "0x10", "1_0"])
def test_what_is_no_plain_number_is_refused(text: str) -> None:
    with pytest.raises(PaginationInvalid):
        page_size({"n": [text]})


def test_a_plain_number_is_taken() -> None:
    assert page_size({"n": ["0"]}) == 0
    assert page_size({"n": ["1000"]}) == 1000
    assert page_size({}) is None


def test_an_empty_last_means_the_first_page() -> None:
    assert last_seen({"last": [""]}) is None
    assert last_seen({"last": ["a/b"]}) == "a/b"
