"""The limit for clients that accept gzip: Starlette, with its own middleware that compresses."""

from starlette.middleware.gzip import GZipMiddleware

from bench.stubs import limit

app = GZipMiddleware(limit.app)
