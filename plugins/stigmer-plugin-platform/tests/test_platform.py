"""What the server says of itself, in process and over a real TCP server."""

from __future__ import annotations

import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest
from ai.stigmer.platform.v1 import license_pb2
from ai.stigmer.platform.v1 import server_info_pb2 as pb
from stigmer_plugin_platform._controller import PlatformQueries

import stigmer_core
from stigmer_core.testing.installation import installation
from stigmer_core.testing.server import ServerProcess

QUERY = "ai.stigmer.platform.v1.PlatformQueryController"


@pytest.fixture
async def api(tmp_path):
    async with installation(tmp_path, plugins=("platform",)) as opened:
        yield opened


@pytest.fixture
def server(request):
    home = Path(tempfile.mkdtemp(prefix="stg"))
    with ServerProcess(home, options=["--plugins", "platform", "--auth", request.param]) as process:
        yield process
    shutil.rmtree(home)


def code_without_credentials(server, rpc, request):
    with grpc.insecure_channel(server.address) as channel:
        call = channel.unary_unary(f"/{QUERY}/{rpc}", type(request).SerializeToString)
        try:
            call(request)
        except grpc.RpcError as error:
            return error.code()
    return grpc.StatusCode.OK


async def test_the_server_names_its_edition_and_version(api):
    """The same at every call."""
    answers = [await api.call(QUERY, "getServerInfo", pb.GetServerInfoInput()) for _ in range(2)]

    assert {(one.edition, one.version) for one in answers} == {(pb.oss, stigmer_core.__version__)}


@pytest.mark.parametrize("required", [True, False, None])
async def test_whether_authentication_is_required_is_said_where_it_is_known(required):
    """Unset is not false: a client must not take silence for an open door."""
    info = await PlatformQueries(authentication_required=required).get_server_info(pb.GetServerInfoInput())

    assert info.HasField("authentication_required") == (required is not None)
    assert info.authentication_required == bool(required)


async def test_there_is_no_license(api):
    """Absent, with nothing that a license would have, and when the server looked."""
    before = datetime.now(UTC)

    status = await api.call(QUERY, "getLicenseStatus", pb.GetLicenseStatusInput())

    assert status.state == license_pb2.absent
    assert (status.HasField("claims"), status.key_id) == (False, "")
    assert before <= status.checked_at.ToDatetime(UTC) <= datetime.now(UTC)


REFUSALS = {
    "bootstrap": (
        "getRunnerBootstrapConfig",
        pb.GetRunnerBootstrapConfigInput(),
        grpc.StatusCode.FAILED_PRECONDITION,
        "stigmer serve --engine temporal",
    ),
    "token": (
        "getRunnerScopedToken",
        pb.GetRunnerScopedTokenInput(agent_execution_id="aex_1"),
        grpc.StatusCode.FAILED_PRECONDITION,
        "token of the home",
    ),
    "token for nothing": (
        "getRunnerScopedToken",
        pb.GetRunnerScopedTokenInput(),
        grpc.StatusCode.INVALID_ARGUMENT,
        "scope",
    ),
}


@pytest.mark.parametrize(("rpc", "request_", "code", "words"), REFUSALS.values(), ids=REFUSALS)
async def test_what_runners_of_other_editions_ask_for_is_refused_in_words(api, rpc, request_, code, words):
    """The words say what would have it."""
    with pytest.raises(grpc.aio.AioRpcError, match=words) as caught:
        await api.call(QUERY, rpc, request_)

    assert caught.value.code() == code


@pytest.mark.parametrize("server", ["token"], indirect=True)
def test_over_tcp_the_server_says_what_it_is_without_credentials(server):
    """A client learns that it needs a token before it has one."""
    assert code_without_credentials(server, "getServerInfo", pb.GetServerInfoInput()) == grpc.StatusCode.OK


ASKED = [("token", grpc.StatusCode.UNAUTHENTICATED), ("none", grpc.StatusCode.OK)]


@pytest.mark.parametrize(("server", "code"), ASKED, indirect=["server"], ids=["token", "none"])
def test_over_tcp_the_other_queries_ask_for_a_token_where_the_server_does(server, code):
    """Only what has the option is public."""
    assert code_without_credentials(server, "getLicenseStatus", pb.GetLicenseStatusInput()) == code
