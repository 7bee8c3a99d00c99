"""The Agent and AgentInstance kinds of Stigmer."""
