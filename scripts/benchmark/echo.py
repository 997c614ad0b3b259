"""The yardstick: a bare grpc.aio server on uvloop, in one process. It reads no message and answers with constant bytes.

    python -m benchmark.echo HOST:PORT NAME=BYTES...

serves /bench.Echo/NAME with answers of that size, until SIGTERM.
"""

import asyncio
import signal
import sys

import grpc
import uvloop

SERVICE = "bench.Echo"


def _handler(size: int) -> "grpc.RpcMethodHandler[bytes, bytes]":
    answer = bytes(size)

    async def echo(_request: bytes, _context: object) -> bytes:
        return answer

    return grpc.unary_unary_rpc_method_handler(echo)


async def _serve(address: str, sizes: dict[str, int]) -> None:
    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    handlers = {name: _handler(size) for name, size in sizes.items()}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    server.add_insecure_port(address)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await server.start()
    await stop.wait()
    await server.stop(1.0)


if __name__ == "__main__":
    uvloop.run(_serve(sys.argv[1], {name: int(size) for name, size in (text.split("=") for text in sys.argv[2:])}))
