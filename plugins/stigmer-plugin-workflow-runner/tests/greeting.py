"""A gRPC server on this machine that greets, and tells what it was called with."""

from __future__ import annotations

import tempfile
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import grpc.aio
import grpc_tools
from google.protobuf import message_factory
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha.reflection import enable_server_reflection
from grpc_tools import protoc

PROTO = Path(__file__).parent / "descriptions" / "greeter.proto"
SERVICE = "kit.v1.Greeter"
REFUSED = {"nobody": grpc.StatusCode.NOT_FOUND, "busy": grpc.StatusCode.UNAVAILABLE}
SHOWN = ("authorization", "idempotency-key")


def compiled():
    """Return the description of the service, as a set of compiled files."""
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "greeter.binpb"
        include = Path(grpc_tools.__file__).parent / "_proto"
        arguments = [
            f"-I{PROTO.parent}",
            f"-I{include}",
            "--include_imports",
            f"--descriptor_set_out={made}",
            str(PROTO),
        ]
        assert protoc.main(["protoc", *arguments]) == 0
        return made.read_bytes()


@asynccontextmanager
async def greeting(*, token="", reflection=True, credentials=None, port=0):
    """Serve on a free port; yield it. Who does not bring the token, as a bearer's, is not let in."""
    pool = DescriptorPool()
    for file in FileDescriptorSet.FromString(compiled()).file:
        pool.Add(file)
    server = grpc.aio.server(interceptors=[_Guard(token)])
    server.add_generic_rpc_handlers([_handlers(pool)])
    if reflection:
        enable_server_reflection([SERVICE, "grpc.reflection.v1alpha.ServerReflection"], server, pool=pool)
    where = f"127.0.0.1:{port}"
    port = server.add_secure_port(where, credentials) if credentials else server.add_insecure_port(where)
    await server.start()
    yield port
    await server.stop(None)


class _Guard(grpc.aio.ServerInterceptor):
    def __init__(self, token):
        self._token = token

    async def intercept_service(self, continuation, details):
        given = dict(details.invocation_metadata).get("authorization", "")
        if self._token and given != f"Bearer {self._token}":
            return grpc.unary_unary_rpc_method_handler(_refuse)
        return await continuation(details)


async def _refuse(_request, context):
    await context.abort(grpc.StatusCode.UNAUTHENTICATED, "who are you")


def _handlers(pool):
    service = pool.FindServiceByName(SERVICE)
    method = service.methods_by_name["Greet"]
    request, response = (message_factory.GetMessageClass(kind) for kind in (method.input_type, method.output_type))

    async def greet(given, context):
        if given.full_name in REFUSED:
            await context.abort(REFUSED[given.full_name], "not today")
        seen = [value for name, value in context.invocation_metadata() if name in SHOWN]
        made = response(greeting=f"Hello, {given.full_name}", number=2**53 + given.times, seen=seen)
        made.at.FromSeconds(0)
        return made

    async def greet_each(given, _context):
        for at in range(given.times):
            yield response(greeting=f"{given.full_name} {at}")

    async def greet_together(requests, _context):
        return response(greeting=", ".join([given.full_name async for given in requests]))

    async def talk(requests, _context):
        async for given in requests:
            yield response(greeting=given.full_name)
            yield response(greeting="bye")

    coders = {"request_deserializer": request.FromString, "response_serializer": response.SerializeToString}
    handlers = {
        "Greet": grpc.unary_unary_rpc_method_handler(greet, **coders),
        "GreetEach": grpc.unary_stream_rpc_method_handler(greet_each, **coders),
        "GreetTogether": grpc.stream_unary_rpc_method_handler(greet_together, **coders),
        "Talk": grpc.stream_stream_rpc_method_handler(talk, **coders),
    }
    return grpc.method_handlers_generic_handler(SERVICE, handlers)
