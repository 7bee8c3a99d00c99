"""Why an RPC of the API is not served here: which plugin would, or which edition has it."""

from __future__ import annotations

_PLUGINS = {
    "ai.stigmer.tenancy.": "stigmer-plugin-tenancy",
    "ai.stigmer.search.": "stigmer-plugin-search",
    "ai.stigmer.agentic.agent.": "stigmer-plugin-agent",
    "ai.stigmer.agentic.agentinstance.": "stigmer-plugin-agent",
    "ai.stigmer.agentic.skill.": "stigmer-plugin-skill",
    "ai.stigmer.agentic.workflow.": "stigmer-plugin-workflow",
    "ai.stigmer.agentic.workflowinstance.": "stigmer-plugin-workflow",
    "ai.stigmer.agentic.workflowexecution.": "stigmer-plugin-workflow",
    "stigmer.workflow.": "stigmer-plugin-workflow",
}
_EDITIONS = {
    "ai.stigmer.billing.": "cloud",
    "ai.stigmer.platform.cursoraccount.": "cloud",
    "ai.stigmer.platform.providerstanding.": "cloud",
    "ai.stigmer.iam.invitation.": "enterprise",
    "ai.stigmer.iam.identityprovider.": "enterprise",
    "ai.stigmer.iam.team.": "enterprise",
}


def explain(path: str, served: frozenset[str] = frozenset()) -> str:
    """Return one sentence on why nobody answers a path such as `/pkg.Service/rpc`.

    Args:
        path: what was called.
        served: the services that have some RPC here.
    """
    service, _, rpc = path.strip("/").partition("/")
    if service in served:
        return f"{service} has no RPC {rpc} that this version serves"
    edition = next((name for prefix, name in _EDITIONS.items() if service.startswith(prefix)), "")
    if edition:
        return f"{service} belongs to the {edition} edition and is not served by an open-source installation"
    plugin = next((name for prefix, name in _PLUGINS.items() if service.startswith(prefix)), "")
    if plugin:
        return f"{service} is not served: the plugin that would is not loaded; try pip install {plugin}"
    if service.startswith("ai.stigmer."):
        return f"{service} is not served: no installed plugin provides it"
    return f"there is no service {service} here"
