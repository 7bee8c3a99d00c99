"""Why an RPC of the API is not served here: which plugin would, or which edition has it."""

from __future__ import annotations

_PLUGINS = {
    "ai.stigmer.tenancy.": "stigmer-plugin-tenancy",
    "ai.stigmer.search.": "stigmer-plugin-search",
    "ai.stigmer.activity.": "stigmer-plugin-activity",
    "ai.stigmer.iam.apikey.": "stigmer-plugin-apikey",
    "ai.stigmer.platform.v1.": "stigmer-plugin-platform",
    "ai.stigmer.agentic.agent.": "stigmer-plugin-agent",
    "ai.stigmer.agentic.agentinstance.": "stigmer-plugin-agent",
    "ai.stigmer.agentic.agentexecution.": "stigmer-plugin-agentexecution",
    "ai.stigmer.agentic.artifact.": "stigmer-plugin-artifact",
    "ai.stigmer.agentic.environment.": "stigmer-plugin-environment",
    "ai.stigmer.agentic.executioncontext.": "stigmer-plugin-environment",
    "ai.stigmer.agentic.mcpserver.": "stigmer-plugin-mcpserver",
    "ai.stigmer.agentic.memory.": "stigmer-plugin-memory",
    "ai.stigmer.agentic.plugin.": "stigmer-plugin-bundle",
    "ai.stigmer.agentic.schedule.": "stigmer-plugin-schedule",
    "ai.stigmer.agentic.session.": "stigmer-plugin-session",
    "ai.stigmer.agentic.skill.": "stigmer-plugin-skill",
    "ai.stigmer.agentic.workflow.": "stigmer-plugin-workflow",
    "ai.stigmer.agentic.workflowinstance.": "stigmer-plugin-workflow",
    "ai.stigmer.agentic.workflowexecution.": "stigmer-plugin-workflow",
    "stigmer.workflow.": "stigmer-plugin-workflow",
}
# Part of the open-source edition upstream, and nothing here has it: said as it is.
_ABSENT = {
    "ai.stigmer.iam.iampolicy.": "access policies",
    "ai.stigmer.iam.identityaccount.": "identity accounts",
    "ai.stigmer.iam.oauthapp.": "OAuth apps",
    "ai.stigmer.iam.platformclient.": "platform clients",
    "ai.stigmer.agentic.agentshare.": "shared agents",
    "ai.stigmer.agentic.agentchannel.": "chat channels",
    "ai.stigmer.agentic.channelapp.": "chat channels",
    "ai.stigmer.platform.github.": "the GitHub connection",
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
    absent = next((what for prefix, what in _ABSENT.items() if service.startswith(prefix)), "")
    if absent:
        return (
            f"{service} is not served: {absent} belong to a cloud installation with many users; no plugin has them yet"
        )
    plugin = next((name for prefix, name in _PLUGINS.items() if service.startswith(prefix)), "")
    if plugin:
        return f"{service} is not served: the plugin that would is not loaded; try pip install {plugin}"
    if service.startswith("ai.stigmer."):
        return f"{service} is not served: no installed plugin provides it"
    return f"there is no service {service} here"
