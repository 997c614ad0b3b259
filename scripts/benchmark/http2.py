"""A light gRPC client: unary calls over HTTP/2 on one non-blocking socket. Frames and flow control, no scheduling.

It exists because a client that costs as much as the server measures itself. It speaks just what a gRPC server on
loopback needs: no TLS, no compression, no server push, headers of answers are not decoded. Clauses are of RFC 9113.
"""

import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

Address = tuple[str, int]

_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _PING, _GOAWAY, _WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
_END_STREAM, _ACK, _END_HEADERS, _PADDED = 0x1, 0x1, 0x4, 0x8
_ENABLE_PUSH, _INITIAL_WINDOW_SIZE = 2, 4
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_FRAME = struct.Struct(">HBBBI")
_WINDOW = 65_535
_RECEIVE_WINDOW = 1 << 30
_REPLENISH = 1 << 28
_CHUNK = 16_384
_READ = 1 << 18
_LAST_STREAM = (1 << 31) - 1
_LONG = 0x7F
"""A length of so many bytes or more goes on behind its first byte, seven bits a byte (RFC 7541 §5.1)."""
_CONNECT_TIMEOUT = 5.0


@dataclass(frozen=True, slots=True)
class Method:
    """An RPC by its name in the report, with the HEADERS frame of its calls around the stream's id."""

    name: str
    path: str
    before: bytes
    after: bytes


@dataclass(frozen=True, slots=True)
class Call:
    """A unary call ready to be sent; `frame` is the message behind its gRPC prefix."""

    method: Method
    frame: bytes


@dataclass(slots=True)
class Answer:
    """What came back on a stream: `message` is None unless the call succeeded, `problem` says why it did not."""

    token: int
    message: bytes | None
    problem: str = ""


@dataclass(slots=True)
class _Exchange:
    token: int
    data: bytes = b""
    headers: list[bytes] = field(default_factory=list)


@dataclass(slots=True)
class _Upload:
    frame: bytes
    window: int
    sent: int = 0


def method(name: str, path: str, metadata: Mapping[str, str]) -> Method:
    """Encode the headers of an RPC's calls: literals without indexing (RFC 7541 §6.2.2), so that none has a history."""
    fields = {
        ":path": path,
        ":authority": "127.0.0.1",
        "content-type": "application/grpc",
        "te": "trailers",
        **metadata,
    }
    # Indexed fields of the static table (RFC 7541 appendix A): 3 is ":method: POST", 6 is ":scheme: http".
    block = b"\x83\x86" + b"".join(b"\x00" + _text(key) + _text(value) for key, value in fields.items())
    return Method(name, path, _head(len(block), _HEADERS, _END_HEADERS), block)


def call(rpc: Method, message: bytes) -> Call:
    """Put the length prefix of gRPC before a message."""
    return Call(rpc, b"\x00" + len(message).to_bytes(4) + message)


class Connection:
    """One connection, with any number of calls in flight; `send` and `receive` never block."""

    def __init__(self, address: Address) -> None:
        """Connect; raises OSError."""
        self.socket = socket.create_connection(address, timeout=_CONNECT_TIMEOUT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        settings = struct.pack(">HIHI", _ENABLE_PUSH, 0, _INITIAL_WINDOW_SIZE, _RECEIVE_WINDOW)
        self._out = [
            _PREFACE,
            _head(len(settings), _SETTINGS, 0) + bytes(4) + settings,
            _window_update(_RECEIVE_WINDOW - _WINDOW),
        ]
        self._rest = b""
        self._next = 1
        self._exchanges: dict[int, _Exchange] = {}
        self._uploads: dict[int, _Upload] = {}
        self._window = _WINDOW
        self._initial = _WINDOW
        self._consumed = 0

    def __len__(self) -> int:
        """Return how many calls are in flight."""
        return len(self._exchanges)

    def start(self, what: Call, token: int) -> None:
        """Queue a call; its answer carries the token. `flush` sends."""
        stream, self._next = self._next, self._next + 2
        if stream > _LAST_STREAM:
            raise ConnectionError("a connection's stream ids are used up (RFC 9113 §5.1.1)")
        rpc, frame, size = what.method, what.frame, len(what.frame)
        identity = stream.to_bytes(4)
        self._exchanges[stream] = _Exchange(token)
        if size > _CHUNK or size > self._window or size > self._initial or self._uploads:
            self._out.append(rpc.before + identity + rpc.after)
            self._uploads[stream] = _Upload(frame, self._initial)
            self._upload()
            return
        self._window -= size
        self._out.append(
            b"".join((rpc.before, identity, rpc.after, size.to_bytes(3), b"\x00\x01", identity, frame)),
        )

    def flush(self) -> bool:
        """Send what is queued; return whether all of it went."""
        if not self._out:
            return True
        data = self._out[0] if len(self._out) == 1 else b"".join(self._out)
        self._out.clear()
        try:
            sent = self.socket.send(data)
        except BlockingIOError:
            sent = 0
        if sent == len(data):
            return True
        self._out.append(data[sent:])
        return False

    def receive(self) -> list[Answer]:
        """Read what is there and return the calls that ended; raises ConnectionError where the server is gone."""
        try:
            data = self.socket.recv(_READ)
        except BlockingIOError:
            return []
        if not data:
            raise ConnectionError("the server closed the connection")
        if self._rest:
            data = self._rest + data
        answers: list[Answer] = []
        position, end = 0, len(data)
        while end - position >= _FRAME.size:
            high, low, kind, flags, stream = _FRAME.unpack_from(data, position)
            begin = position + _FRAME.size
            position_after = begin + (high << 8 | low)
            if position_after > end:
                break
            position = position_after
            if kind == _DATA:
                self._data(stream, flags, data[begin:position])
            elif kind == _HEADERS:
                self._exchanges[stream].headers.append(data[begin:position])
            else:
                self._control(kind, flags, stream, data[begin:position], answers)
            if flags & _END_STREAM and kind in {_DATA, _HEADERS}:
                self._uploads.pop(stream, None)
                answers.append(_ended(self._exchanges.pop(stream)))
        self._rest = data[position:]
        if self._consumed > _REPLENISH:
            self._out.append(_window_update(self._consumed))
            self._consumed = 0
        return answers

    def close(self) -> None:
        """Close the socket."""
        self.socket.close()

    def _data(self, stream: int, flags: int, payload: bytes) -> None:
        # Padding counts against the window as well (§6.9.1).
        self._consumed += len(payload)
        if flags & _PADDED:
            payload = payload[1 : len(payload) - payload[0]]
        exchange = self._exchanges[stream]
        exchange.data = exchange.data + payload if exchange.data else payload

    def _control(self, kind: int, flags: int, stream: int, payload: bytes, answers: list[Answer]) -> None:
        if kind == _SETTINGS and not flags & _ACK:
            self._settings(payload)
            self._out.append(_head(0, _SETTINGS, _ACK) + bytes(4))
        elif kind == _PING and not flags & _ACK:
            self._out.append(_head(len(payload), _PING, _ACK) + bytes(4) + payload)
        elif kind == _WINDOW_UPDATE:
            increment = int.from_bytes(payload)
            if stream == 0:
                self._window += increment
            elif stream in self._uploads:
                self._uploads[stream].window += increment
            self._upload()
        elif kind == _RST_STREAM and stream in self._exchanges:
            self._uploads.pop(stream, None)
            token = self._exchanges.pop(stream).token
            answers.append(Answer(token, None, f"the stream was reset with code {int.from_bytes(payload)}"))
        elif kind == _GOAWAY:
            raise ConnectionError(f"the server sent GOAWAY {int.from_bytes(payload[4:8])} {payload[8:]!r}")

    def _settings(self, payload: bytes) -> None:
        for key, value in struct.iter_unpack(">HI", payload):
            if key == _INITIAL_WINDOW_SIZE:
                # The change applies to streams under way, too (§6.9.2).
                for upload in self._uploads.values():
                    upload.window += value - self._initial
                self._initial = value
        self._upload()

    def _upload(self) -> None:
        """Send what the windows allow of messages that did not go at once."""
        for stream, upload in list(self._uploads.items()):
            identity = stream.to_bytes(4)
            while (size := min(len(upload.frame) - upload.sent, upload.window, self._window, _CHUNK)) > 0:
                chunk = upload.frame[upload.sent : upload.sent + size]
                upload.sent += size
                upload.window -= size
                self._window -= size
                flags = _END_STREAM if upload.sent == len(upload.frame) else 0
                self._out.append(_head(size, _DATA, flags) + identity + chunk)
            if upload.sent == len(upload.frame):
                del self._uploads[stream]


def _ended(exchange: _Exchange) -> Answer:
    frame = exchange.data
    # An error comes as trailers alone, or without a whole message.
    if len(frame) >= 5 and len(frame) == 5 + int.from_bytes(frame[1:5]) and frame[0] == 0:  # noqa: PLR2004 - the prefix
        return Answer(exchange.token, frame[5:])
    return Answer(exchange.token, None, _problem(b"".join(exchange.headers)))


def _problem(block: bytes) -> str:
    """Return the error's message; it stands in the trailers as a literal without Huffman coding, percent-encoded."""
    _, found, value = block.partition(b"grpc-message")
    if not found:
        return "no message, and trailers that say nothing readable"
    size, begin = value[0] & _LONG, 1
    if size == _LONG:
        for shift in range(0, 28, 7):
            size += (value[begin] & _LONG) << shift
            begin += 1
            if value[begin - 1] <= _LONG:
                break
    return unquote(value[begin : begin + size].decode("ascii", errors="replace"))


def _head(size: int, kind: int, flags: int) -> bytes:
    """Return a frame's header but for the stream's id (§4.1)."""
    return size.to_bytes(3) + bytes((kind, flags))


def _window_update(increment: int) -> bytes:
    return _head(4, _WINDOW_UPDATE, 0) + bytes(4) + increment.to_bytes(4)


def _text(value: str) -> bytes:
    """Encode a string literal without Huffman coding (RFC 7541 §5.2)."""
    data = value.encode("ascii")
    if len(data) < _LONG:
        return bytes((len(data),)) + data
    length, rest = bytearray((_LONG,)), len(data) - _LONG
    while rest > _LONG:
        length.append(rest & _LONG | 0x80)
        rest >>= 7
    length.append(rest)
    return bytes(length) + data
