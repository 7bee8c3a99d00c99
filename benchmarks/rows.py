"""The resource that the benchmarks store: an AgentInstance of about 2 KB, with everything that a stored one has."""

from __future__ import annotations

from ai.stigmer.agentic.agentinstance.v1.api_pb2 import AgentInstance

ORG = "local"
CREATED_SECONDS = 1_790_000_000


def agent_instance(number):
    """Return a resource as a server would have stored it."""
    one = AgentInstance(api_version="agentic.stigmer.ai/v1", kind="AgentInstance")
    one.metadata.id = f"ain_{number:026d}"
    one.metadata.name = one.metadata.slug = f"instance-{number}"
    one.metadata.org = ORG
    one.metadata.visibility = 3
    for place in range(8):
        one.metadata.labels[f"team-{place}"] = f"value-{number % 97}"
        one.metadata.annotations[f"note-{place}"] = "a remark that somebody left here"
        one.spec.environment_refs.add(org=ORG, kind=53, slug=f"environment-{place}")
    one.metadata.tags.extend(["production", "reviewed", "europe"])
    one.spec.agent_id = "agt_00000000000000000000000000"
    one.spec.description = "bound to an environment for the benchmark " * 22
    for slot in (one.status.audit.spec_audit, one.status.audit.status_audit):
        slot.created_by.id = slot.updated_by.id = "local"
        slot.created_at.seconds = slot.updated_at.seconds = CREATED_SECONDS + number
        slot.event = "created"
    return one
