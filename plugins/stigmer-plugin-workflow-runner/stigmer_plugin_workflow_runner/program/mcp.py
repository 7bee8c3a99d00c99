"""What is known of the Model Context Protocol: methods, and versions."""

from __future__ import annotations

METHODS = {  # each with the parameter that it needs
    "tools/list": "",
    "tools/call": "name",
    "prompts/list": "",
    "prompts/get": "name",
    "resources/list": "",
    "resources/read": "uri",
    "resources/templates/list": "",
}
VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")  # those that begin with `initialize`
USUAL_VERSION = "2025-06-18"
