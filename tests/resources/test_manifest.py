"""What is wrong with a manifest is said at its place, with what would be right."""

from __future__ import annotations

import pytest
from ai.stigmer.agentic.agent.v1.api_pb2 import Agent

from stigmer_core import Kind
from stigmer_core.errors import InvalidArgumentError
from stigmer_core.resources.manifest import adopt, kind_of, message_of, pointer_of

AGENT = Kind(
    name="Agent", message=Agent, api_version="agentic.stigmer.ai/v1", id_prefix="agt", plural="agents", description="-"
)
WRONG = {
    "unknown field": (
        {"spec": {"instrctions": "x"}},
        "/spec/instrctions",
        "unknown field spec.instrctions",
        "instructions",
    ),
    "number for text": ({"spec": {"description": 7}}, "/spec/description", "must be text, this is a number", "quotes"),
    "object for list": ({"spec": {"subAgents": {}}}, "/spec/subAgents", "must be a list, this is an object", ""),
    "bad enum": (
        {"metadata": {"visibility": "visibility_orgs"}},
        "/metadata/visibility",
        "is not allowed",
        "visibility_org",
    ),
    "text for object": ({"metadata": "x"}, "/metadata", "must be an object, this is text", ""),
    "slash in key": ({"spec": {"a/b": 1}}, "/spec/a~1b", "unknown field", ""),
}


@pytest.mark.parametrize(("document", "pointer", "message", "hint"), WRONG.values(), ids=WRONG)
def test_a_wrong_part_is_pointed_at(document, pointer, message, hint):
    """Pointer, what was found, and what would be right."""
    with pytest.raises(InvalidArgumentError) as caught:
        message_of({"kind": "Agent", **document}, AGENT)

    problem = caught.value.problems[0]
    assert problem.pointer == pointer
    assert message in problem.message
    assert hint in problem.hint


def test_both_spellings_of_a_field_are_taken():
    """snake_case as in the API's documents, lowerCamelCase as in proto3 JSON."""
    snake = message_of({"kind": "Agent", "spec": {"sub_agents": [{"name": "a"}]}}, AGENT)
    camel = message_of({"kind": "Agent", "spec": {"subAgents": [{"name": "a"}]}}, AGENT)

    assert snake == camel


def test_a_field_path_becomes_a_pointer_in_the_document_as_it_is_spelt():
    """A rule's path names proto fields; the user wrote something else."""
    document = {"spec": {"subAgents": [{}, {"name": ""}]}}

    assert pointer_of("spec.sub_agents[1].name", document) == "/spec/subAgents/1/name"


@pytest.mark.parametrize("document", [None, 3, "text", [], {}, {"kind": ""}])
def test_what_is_no_manifest_is_refused(document):
    """Also what is no object at all."""
    with pytest.raises(InvalidArgumentError):
        adopt(document, {"Agent": AGENT})


def test_an_unknown_kind_gets_a_suggestion():
    """The closest kind of this server."""
    with pytest.raises(InvalidArgumentError, match="did you mean Agent"):
        kind_of({"kind": "Agnet"}, {"Agent": AGENT})
