"""What any gRPC client sees on the wire: reflection, health, credentials, limits, and no text of ours."""

from __future__ import annotations

import random

import grpc
import pytest
from ai.stigmer.agentic.agent.v1.io_pb2 import AgentId
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

GET = "/ai.stigmer.agentic.agent.v1.AgentQueryController/get"
CREATE = "/ai.stigmer.agentic.agent.v1.AgentCommandController/create"
MEGABYTE = 1024 * 1024


def call(channel, path, body, **options):
    return channel.unary_unary(path)(body, **options)


def status_of(channel, path, body, **options):
    with pytest.raises(grpc.RpcError) as caught:
        call(channel, path, body, **options)
    return caught.value.code(), caught.value.details()


@pytest.fixture
def unix(server):
    with grpc.insecure_channel(server.socket, options=[("grpc.max_send_message_length", -1)]) as channel:
        yield channel


@pytest.fixture
def tcp(server):
    with grpc.insecure_channel(server.address) as channel:
        yield channel


def test_tcp_asks_for_the_token_and_the_socket_does_not(server, unix, tcp):
    """Who may open the socket's file is the operator."""
    request = AgentId(value="agt_none").SerializeToString()
    token = (("authorization", f"Bearer {server.token}"),)

    assert status_of(unix, GET, request)[0] == grpc.StatusCode.NOT_FOUND
    assert status_of(tcp, GET, request)[0] == grpc.StatusCode.UNAUTHENTICATED
    assert (
        status_of(tcp, GET, request, metadata=(("authorization", "Bearer wrong"),))[0]
        == grpc.StatusCode.UNAUTHENTICATED
    )
    assert status_of(tcp, GET, request, metadata=token)[0] == grpc.StatusCode.NOT_FOUND


def reflect(channel, version, **question):
    info = channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        reflection_pb2.ServerReflectionRequest.SerializeToString,
        reflection_pb2.ServerReflectionResponse.FromString,
    )
    return next(iter(info(iter([reflection_pb2.ServerReflectionRequest(**question)]))))


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_reflection_lists_and_describes_every_service(tcp, version):
    """A generic client finds the services and their files, without a token on loopback."""
    query = "ai.stigmer.agentic.agent.v1.AgentQueryController"

    listed = reflect(tcp, version, list_services="")
    described = reflect(tcp, version, file_containing_symbol=query)
    itself = reflect(tcp, version, file_containing_symbol=f"grpc.reflection.{version}.ServerReflection")

    assert {query, "grpc.health.v1.Health"} <= {service.name for service in listed.list_services_response.service}
    files = [FileDescriptorProto.FromString(one) for one in described.file_descriptor_response.file_descriptor_proto]
    assert any(service.name == "AgentQueryController" for file in files for service in file.service)
    assert itself.file_descriptor_response.file_descriptor_proto


@pytest.mark.parametrize("service", ["", "ai.stigmer.agentic.agent.v1.AgentQueryController"])
def test_health_is_known_per_service(tcp, service):
    """The whole server and each service are SERVING, without a token on loopback."""
    request = health_pb2.HealthCheckRequest(service=service).SerializeToString()

    answer = health_pb2.HealthCheckResponse.FromString(call(tcp, "/grpc.health.v1.Health/Check", request))

    assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_random_bytes_are_an_invalid_argument_and_never_ours(unix):
    """Not UNKNOWN, no class name: malformed protobuf is the caller's fault."""
    dice = random.Random(1)
    seen = set()
    for length in range(1, 300):
        code, details = status_of(unix, CREATE, b"\xff" + dice.randbytes(length))
        seen.add(code)
        assert "Error" not in details
        assert "Traceback" not in details

    assert seen == {grpc.StatusCode.INVALID_ARGUMENT}


def test_an_oversized_message_is_refused(unix):
    """Over 10 MB is RESOURCE_EXHAUSTED."""
    assert status_of(unix, CREATE, b"\0" * (11 * MEGABYTE))[0] == grpc.StatusCode.RESOURCE_EXHAUSTED


UNSERVED = {
    "/ai.stigmer.agentic.agentshare.v1.AgentShareQueryController/get": "shared agents",
    "/ai.stigmer.billing.v1.BillingQueryController/getAccount": "cloud edition",
    "/ai.stigmer.iam.team.v1.TeamQueryController/get": "enterprise edition",
    "/ai.stigmer.agentic.memory.v1.MemoryQueryController/forget": "has no RPC forget",
    "/nobody.knows.This/rpc": "there is no service nobody.knows.This",
}


@pytest.mark.parametrize(("path", "reason"), UNSERVED.items())
def test_what_is_not_served_says_why(unix, path, reason):
    """UNIMPLEMENTED with a sentence, never the library's bare one."""
    code, details = status_of(unix, path, b"")

    assert code == grpc.StatusCode.UNIMPLEMENTED
    assert reason in details
