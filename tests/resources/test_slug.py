"""Slugs are made as the API says, and what is none is refused."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stigmer_core.errors import InvalidArgumentError
from stigmer_core.resources.slug import derive_slug, require_slug

DERIVED = {
    "My Agent #1 (Test)": "my-agent-1-test",
    "code.reviewer": "code-reviewer",
    "  spaced  out  ": "spaced-out",
    "A--B": "a-b",
    "Größe": "gre",
}


@pytest.mark.parametrize(("name", "slug"), DERIVED.items())
def test_a_name_gives_its_slug(name, slug):
    """Lower case, spaces and dots to dashes, the rest dropped, never truncated."""
    assert derive_slug(name) == slug


@pytest.mark.parametrize("name", ["7 dwarfs", "?", "x", "", "---"])
def test_a_name_without_a_slug_is_refused_with_a_pointer(name):
    """The problem points at the name and says what a slug is."""
    with pytest.raises(InvalidArgumentError) as caught:
        derive_slug(name)

    assert caught.value.problems[0].pointer == "/metadata/name"


@given(st.text())
def test_whatever_is_derived_is_a_slug_and_stays_one(name):
    """A derived slug matches the API's pattern, and deriving again changes nothing."""
    try:
        slug = derive_slug(name)
    except InvalidArgumentError:
        return

    assert re.fullmatch(r"[a-z][a-z0-9-]*[a-z0-9]", slug)
    assert derive_slug(slug) == slug == require_slug(slug)
