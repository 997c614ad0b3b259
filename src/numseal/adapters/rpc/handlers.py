"""Make a service's handlers from its descriptor; requests reach it as bytes, so that its gate comes before parsing."""

from typing import Any

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message_factory import GetMessageClass


def add_handlers(server: grpc.aio.Server, service: ServiceDescriptor, servicer: object) -> None:
    """Add the service to a server; raises AttributeError where the servicer lacks one of its RPCs."""
    handlers = {method.name: handler_of(method, getattr(servicer, method.name)) for method in service.methods}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service.full_name, handlers),))


def handler_of(method: MethodDescriptor, rpc: Any) -> Any:
    """Make the handler of one RPC."""
    make: Any = grpc.unary_stream_rpc_method_handler if method.server_streaming else grpc.unary_unary_rpc_method_handler
    return make(rpc, response_serializer=GetMessageClass(method.output_type).SerializeToString)
