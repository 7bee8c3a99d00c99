"""What the official SDK does against a server: run by the SDK's own Python, prints what it saw as JSON.

Usage: sdk_cases.py ADDRESS TOKEN
"""

from __future__ import annotations

import json
import sys

import sdk_cases_agent_runs
import sdk_cases_agents
import sdk_cases_content
import sdk_cases_kinds
import sdk_cases_platform
import sdk_cases_tools
import sdk_cases_workflows
from sdk_cases_recording import RecordingClient, asked_nothing, run_cases

AREAS = (
    sdk_cases_agent_runs,
    sdk_cases_agents,
    sdk_cases_content,
    sdk_cases_kinds,
    sdk_cases_platform,
    sdk_cases_tools,
    sdk_cases_workflows,
)


def main(address, token):
    client = RecordingClient(token, address)
    claims = run_cases(client)
    print(
        json.dumps({"claims": claims, "record": client.record, "paths": client.paths, "empty": asked_nothing(client)})
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
