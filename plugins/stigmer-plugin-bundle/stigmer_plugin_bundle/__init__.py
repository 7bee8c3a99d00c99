"""The API's kind Plugin: a bundle of skills, MCP servers and agents."""
