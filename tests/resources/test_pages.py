"""Page tokens lead on in the listing they were made for, and nowhere else."""

from __future__ import annotations

import pytest
from ai.stigmer.agentic.skill.v1.io_pb2 import ListSkillVersionsInput
from ai.stigmer.commons.rpc.pagination_pb2 import PageInfo
from hypothesis import given
from hypothesis import strategies as st

from stigmer_core.errors import InvalidArgumentError
from stigmer_core.resources import numbered_page, page_token, token_position


@given(st.integers(min_value=0, max_value=2**62), st.integers(min_value=0, max_value=1000))
def test_a_token_gives_its_position_back_whatever_the_page_size(position, size):
    """The size of the next page may differ."""
    token = page_token(ListSkillVersionsInput(org="local", slug="a1"), position)

    request = ListSkillVersionsInput(org="local", slug="a1", page_size=size, page_token=token)
    assert token_position(request) == position


def test_a_token_of_another_listing_is_refused():
    """It would skip what the caller never saw."""
    token = page_token(ListSkillVersionsInput(org="local", slug="a1"), 7)

    with pytest.raises(InvalidArgumentError, match="belongs to another listing"):
        token_position(ListSkillVersionsInput(org="local", slug="b2", page_token=token))


@given(st.text(min_size=1))
def test_an_invented_token_is_refused_in_words(token):
    """Never an internal error."""
    with pytest.raises(InvalidArgumentError):
        token_position(ListSkillVersionsInput(org="local", slug="a1", page_token=token))


@given(st.integers(-(2**31), 2**31 - 1), st.integers(-(2**31), 2**31 - 1))
def test_a_numbered_page_is_always_one_that_can_be_served(number, size):
    """Number 1 and size 20 when unset or negative, at most 100 entries."""
    page = numbered_page(PageInfo(num=number, size=size))

    assert page.number >= 1
    assert 1 <= page.size <= 100
    assert page.offset == (page.number - 1) * page.size
