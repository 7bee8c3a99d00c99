"""References: completed alike wherever they stand, and only where something is missing."""

from __future__ import annotations

from ai.stigmer.agentic.agent.v1.api_pb2 import Agent
from hypothesis import given
from hypothesis import strategies as st

from stigmer_core.resources.references import complete_references, references_in

ORGS = st.sampled_from(["", "local", "other"])
SLUGS = st.sampled_from(["", "one", "two", "three"])
REFERENCES = st.lists(st.builds(dict, org=ORGS, slug=SLUGS, kind=st.sampled_from([0, 43, 44])), max_size=4)


def agent(skills, servers):
    made = Agent()
    made.metadata.org = "local"
    for reference in skills:
        made.spec.skill_refs.add(**reference)
    for reference in servers:
        made.spec.mcp_server_usages.add(mcp_server_ref=reference)
    return made


@given(REFERENCES, REFERENCES)
def test_every_reference_has_an_organization_afterwards(skills, servers):
    """The resource's own where none was given; what was given stays; twice is once."""
    made = agent(skills, servers)
    before = [(reference.org, reference.slug, number) for reference, number in references_in(made.spec)]

    complete_references(made)
    once = Agent.FromString(made.SerializeToString())
    complete_references(made)

    after = [(reference.org, reference.slug, number) for reference, number in references_in(made.spec)]
    assert made == once
    assert after == [(org or "local", slug, number) for org, slug, number in before]


@given(REFERENCES, REFERENCES)
def test_every_filled_reference_is_found_with_its_kind(skills, servers):
    """By the API's own field option: skills are 43, MCP servers 44, wherever they are nested."""
    found = list(references_in(agent(skills, servers).spec))

    filled = [one["slug"] for one in skills if one["slug"]], [one["slug"] for one in servers if one["slug"]]
    assert sorted(number for _, number in found) == [43] * len(filled[0]) + [44] * len(filled[1])
    assert sorted(reference.slug for reference, _ in found) == sorted(filled[0] + filled[1])
