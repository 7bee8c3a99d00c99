"""`docs/api.md` says of every RPC of the API what this server does with it.

`python tests/test_rpcs.py --write` rewrites its table.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections import Counter
from itertools import groupby
from pathlib import Path

import grpc
import pytest
from google.protobuf import descriptor_pool, message_factory

from stigmer_core.app import App
from stigmer_core.settings import load_settings
from stigmer_core.testing.server import ServerProcess

sys.path.insert(0, str(Path(__file__).parent))
from api_table import DOCUMENT, Row, documented

ROOT = Path(__file__).parent.parent
CONTRACT = ROOT.parent / "shared" / "contract" / "contract.json"
PLUGINS = sorted(path.name for path in ROOT.glob("plugins/*"))
MCP = "/ai.stigmer.agentic.mcpserver.v1.McpServer"
PLATFORM = "/ai.stigmer.platform.v1.PlatformQueryController"
_SERVER = {"mcp_server_id": "mcp_1", "org": "local"}
_RESOURCE = {"resource_id": "mcp_1", "org": "local"}
REFUSED = {
    f"{MCP}CommandController/initiateOAuthConnect": _SERVER,
    f"{MCP}CommandController/completeOAuthConnect": {"mcp_server_id": "mcp_1", "authorization_code": "c", "state": "s"},
    f"{MCP}CommandController/disconnectOAuth": _RESOURCE,
    f"{MCP}CommandController/setOrgOAuthApp": {**_RESOURCE, "client_id": "c", "client_secret": "s"},
    f"{MCP}CommandController/deleteOrgOAuthApp": _RESOURCE,
    f"{MCP}QueryController/getOAuthGrantStatus": _RESOURCE,
    f"{MCP}QueryController/getOrgOAuthApp": _RESOURCE,
    f"{PLATFORM}/getRunnerBootstrapConfig": {},
    f"{PLATFORM}/getRunnerScopedToken": {"agent_execution_id": "aex_1"},
    "/ai.stigmer.tenancy.organization.v1.OrganizationQueryController/getByExternalOrgId": {
        "identity_provider_ref": {"org": "local", "slug": "idp", "kind": 21},
        "external_org_id": "x",
    },
}
INTERNAL = re.compile(
    r"Traceback|File \"|\.py\b|stigmer_core|stigmer_plugin|Error\b|grpc|<|0x[0-9a-f]{4}|internal error"
)


def contract():
    """Return the paths of the API's contract, in its order."""
    services = json.loads(CONTRACT.read_text())["services"]
    return [method["path"] for _, service in sorted(services.items()) for method in service["methods"].values()]


def answer(channel, path):
    """Return how a call ends: its code and its sentence."""
    request = _refused_request(path) if path in REFUSED else b""
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary(path)(request)
    return caught.value.code().name, caught.value.details()


def _refused_request(path):
    service, _, rpc = path[1:].partition("/")
    method = descriptor_pool.Default().FindServiceByName(service).methods_by_name[rpc]
    return message_factory.GetMessageClass(method.input_type)(**REFUSED[path]).SerializeToString()


def row_of(app, channel, path):
    """Return what there is to say of an RPC, from the installation itself."""
    service = path[1:].partition("/")[0]
    plugin = f"`{app.host.plugin_of(f'service {service}')}`"
    if not app.dispatcher.serves(path):
        return Row(path, "not served", _gist(answer(channel, path)[1]))
    if path in REFUSED:
        code, sentence = answer(channel, path)
        return Row(path, "refused", f"{plugin}, {code}: {sentence.partition(':')[0]}")
    return Row(path, "served", plugin)


def _gist(sentence):
    if edition := re.search(r"belongs to the (\w+) edition", sentence):
        return f"belongs to the {edition[1]} edition"
    if absent := re.search(r"not served: (.+?) belong to", sentence):
        return f"no plugin has {absent[1]} yet"
    return sentence


@pytest.fixture(scope="module")
def channel():
    """A connection to a real server with every plugin of this repository."""
    with tempfile.TemporaryDirectory(prefix="stg") as home, ServerProcess(Path(home), options=_only()) as server:
        with grpc.insecure_channel(server.socket) as channel:
            yield channel
        server.stop()


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """An installation with every plugin of this repository and no other."""
    home = tmp_path_factory.mktemp("home")
    app = App.compose(load_settings(home=home, plugins=tuple(_names()), strict_plugins=True))
    yield app
    app.store.close()
    app.home.release()


def _names():
    return [name.removeprefix("stigmer-plugin-") for name in PLUGINS]


def _only():
    return [word for name in _names() for word in ("--plugins", name)]


def test_every_plugin_of_the_repository_is_there(app):
    """The table speaks of all of them."""
    loaded = [report.distribution for report in app.host.reports if report.state == "loaded"]

    assert sorted(loaded) == PLUGINS


def test_the_table_has_the_rpcs_of_the_contract_and_no_other():
    """One that is new, renamed or gone shows here."""
    if not CONTRACT.exists():
        pytest.skip(f"the contract is not here: {CONTRACT}")

    assert sorted(documented()) == sorted(contract())


@pytest.mark.parametrize("path", documented())
def test_each_row_says_what_is_so(app, channel, path):
    """State, plugin and reason are those of a real installation."""
    assert documented()[path] == row_of(app, channel, path)


@pytest.mark.parametrize("path", [path for path, row in documented().items() if row.state != "served"])
def test_what_is_not_served_says_why(channel, path):
    """A sentence for the caller, not for us, and a code that says that no other request would do."""
    code, sentence = answer(channel, path)

    assert code == "UNIMPLEMENTED" or (path in REFUSED and code == "FAILED_PRECONDITION")
    assert len(sentence.split()) > 5
    assert not INTERNAL.search(sentence)


def test_the_figures_above_the_table_are_its_own():
    """The introduction counts what the table lists."""
    rows = documented().values()

    assert _figures(rows) in DOCUMENT.read_text()


def _figures(rows):
    count = Counter(row.state for row in rows)
    served, refused, absent = (count[state] for state in ("served", "refused", "not served"))
    return f"Of {count.total()} RPCs, {served} are served, {refused} are refused and {absent} are not served."


def _write():
    """Rewrite the figures and the table, and leave what a person wrote."""
    with tempfile.TemporaryDirectory(prefix="stg") as folder, ServerProcess(Path(folder), options=_only()) as server:
        app = App.compose(load_settings(home=Path(folder) / "app", plugins=tuple(_names())))
        with grpc.insecure_channel(server.socket) as channel:
            paths = contract() if CONTRACT.exists() else list(documented())
            rows = [row_of(app, channel, path) for path in paths]
        app.store.close()
        app.home.release()
    introduction = DOCUMENT.read_text().partition("\n## ")[0]
    text = re.sub(r"^Of \d+ RPCs, .*$", _figures(rows), introduction.rstrip(), flags=re.MULTILINE) + "\n"
    for package, found in groupby(rows, key=lambda row: row.package):
        head = ["", f"## {package}", "", "| Service | RPC | State | Plugin, or why not |", "|---|---|---|---|"]
        text += "\n".join([*head, *(row.line() for row in found)]) + "\n"
    DOCUMENT.write_text(text)


if __name__ == "__main__" and sys.argv[1:] == ["--write"]:
    _write()
