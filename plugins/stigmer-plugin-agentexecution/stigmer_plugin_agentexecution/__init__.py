"""The message types of AgentExecution, which workflow manifests use."""
