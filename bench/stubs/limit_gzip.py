"""The limit for clients that accept gzip: Starlette, with its compression middleware."""

from starlette.middleware.gzip import GZipMiddleware

from bench.stubs import limit

app = GZipMiddleware(limit.app)
