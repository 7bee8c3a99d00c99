"""The resource that the benchmarks store: an AgentInstance of about 2 KB."""

from __future__ import annotations

from ai.stigmer.agentic.agentinstance.v1.api_pb2 import AgentInstance

ORG = "local"


def agent_instance(number):
    """Return a resource with an id, as a server would have stored it."""
    one = AgentInstance(api_version="agentic.stigmer.ai/v1", kind="AgentInstance")
    one.metadata.id = f"ain_{number:026d}"
    one.metadata.name = one.metadata.slug = f"instance-{number}"
    one.metadata.org = ORG
    for place in range(8):
        one.metadata.labels[f"team-{place}"] = f"value {number % 97} {place}"
        one.metadata.annotations[f"note-{place}"] = "a remark that somebody left here " * 4
    one.spec.agent_id = "agt_00000000000000000000000000"
    one.spec.description = "bound to an environment for the benchmark " * 8
    return one
