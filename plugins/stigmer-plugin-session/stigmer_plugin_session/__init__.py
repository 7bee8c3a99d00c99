"""The Session kind of Stigmer: a conversation with an agent."""
