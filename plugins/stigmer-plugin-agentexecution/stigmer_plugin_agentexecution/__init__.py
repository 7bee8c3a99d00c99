"""The AgentExecution kind of Stigmer: one run of an agent."""
