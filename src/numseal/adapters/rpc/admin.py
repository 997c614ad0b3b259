"""Serve AdminService: every RPC of it answers that it is not served, by one handler made from the descriptor."""

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message

from numseal.adapters.rpc.gate import Context
from numseal.adapters.rpc.unserved import unserved
from numseal.api.admin.v1 import admin_pb2

ADMIN_SERVICE: ServiceDescriptor = admin_pb2.DESCRIPTOR.services_by_name["AdminService"]


def add_admin_service(server: grpc.aio.Server) -> None:
    """Add the service to a server."""
    handlers = {method.name: _handler(f"{ADMIN_SERVICE.name}.{method.name}") for method in ADMIN_SERVICE.methods}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(ADMIN_SERVICE.full_name, handlers),))


def _handler(name: str) -> "grpc.RpcMethodHandler[bytes, Message]":
    async def rpc(_request: bytes, context: Context) -> Message:
        await unserved(context, name)

    return grpc.unary_unary_rpc_method_handler(rpc)
