"""The HTTP application: everything an auditor may read without asking, as files that caches may keep.

Only reads; no caller is told apart. What may be read is decided by the store, which knows what is published.
"""

from collections.abc import Awaitable, Callable

import orjson
from aiohttp import hdrs, web

from numseal.attestation.public_keys import PublicKeys
from numseal.ports.store import Store, StoreError
from numseal.tlog.errors import TileError
from numseal.tlog.tile import TILE_HEIGHT, TILE_WIDTH, EntriesId, encode_entries, parse_path

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

IMMUTABLE = "public, max-age=31536000, immutable"
"""For tiles and entries: what is published under a path never changes (C2SP tlog-tiles)."""

NO_CACHE = "no-cache"
NO_STORE = "no-store"
KEYS_FOR = "public, max-age=300"

_BINARY = "application/octet-stream"
_TEXT = "text/plain; charset=utf-8"
_JSON = "application/json"
_JWK_SET = "application/jwk-set+json"


def make_http_app(store: Store, public_keys: PublicKeys) -> web.Application:
    """Make the application over a store and the issuer's public keys.

    The log stands under /log/ as C2SP tlog-tiles lays it out, the keys under /.well-known/, and /healthz answers 200
    where the store could commit, else 503.
    """
    app = web.Application(middlewares=[_frame])
    log = _Log(store)
    jwks = public_keys.to_object()["attestation_keys"]
    app.add_routes(
        [
            web.get("/log/checkpoint", log.checkpoint),
            web.get(r"/log/{path:tile/.+}", log.tile),
            web.get("/.well-known/jwks.json", _fixed(orjson.dumps(jwks), _JWK_SET)),
            web.get("/.well-known/numseal-keys.json", _fixed(public_keys.to_json(), _JSON)),
            web.get("/healthz", log.health),
        ]
    )
    return app


class _Log:
    """The log's files, read from the store for each request."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def checkpoint(self, _: web.Request) -> web.Response:
        note = self._store.published().checkpoint
        return _answer(note.encode(), _TEXT, NO_CACHE)

    async def tile(self, request: web.Request) -> web.Response:
        """Answer a Merkle tile or an entry bundle, whole or of the width asked for, and nothing unpublished."""
        try:
            asked = parse_path(request.match_info["path"])
        except TileError:
            raise web.HTTPNotFound from None
        level = 0 if isinstance(asked, EntriesId) else asked.level
        leaves = (asked.index * TILE_WIDTH + asked.width) << TILE_HEIGHT * level
        if leaves > self._store.published().size:
            raise web.HTTPNotFound
        if isinstance(asked, EntriesId):
            found = await self._store.entries(asked.index * TILE_WIDTH, asked.width)
            content = None if found is None else encode_entries(found)
        else:
            content = await self._store.tile(asked.level, asked.index, asked.width)
        if content is None:
            raise web.HTTPNotFound
        return _answer(content, _BINARY, IMMUTABLE)

    async def health(self, _: web.Request) -> web.Response:
        try:
            await self._store.ready()
        except StoreError as error:
            return _answer(f"{error.reason}\n".encode(), _TEXT, NO_STORE, status=503)
        return _answer(b"ok\n", _TEXT, NO_STORE)


def _answer(content: bytes, content_type: str, caching: str, status: int = 200) -> web.Response:
    headers = {hdrs.CONTENT_TYPE: content_type, hdrs.CACHE_CONTROL: caching}
    return web.Response(body=content, status=status, headers=headers)


def _fixed(content: bytes, content_type: str) -> _Handler:
    """Make a handler that always answers the same."""

    async def handler(_: web.Request) -> web.Response:
        return _answer(content, content_type, KEYS_FOR)

    return handler


@web.middleware
async def _frame(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Tell no cache to keep a refusal: what is missing now may be published next."""
    try:
        response = await handler(request)
    except StoreError as error:
        response = _answer(f"{error.reason}\n".encode(), _TEXT, NO_STORE, status=503)
    except web.HTTPException as refusal:
        refusal.headers[hdrs.CACHE_CONTROL] = NO_STORE
        refusal.headers["X-Content-Type-Options"] = "nosniff"
        raise
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
