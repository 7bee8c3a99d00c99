"""The McpServer kind of Stigmer: tools that agents reach over the Model Context Protocol."""
