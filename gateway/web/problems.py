"""Errors over HTTP as problem documents (RFC 9457): a title for programs and people, a sentence of what to do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

TITLES = {404: "Not found", 405: "Method not allowed", 500: "A fault of kwek"}


def problem(status: int, title: str, detail: str, **more: object) -> web.Response:
    """A problem document; `more` are members of its own (RFC 9457 section 3.2)."""
    return web.json_response(
        {"type": "about:blank", "title": title, "status": status, "detail": detail, **more},
        status=status,
        content_type="application/problem+json",
    )


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turns what aiohttp refuses into problem documents."""
    try:
        return await handler(request)
    except web.HTTPMethodNotAllowed as refused:
        allowed = ", ".join(sorted(refused.allowed_methods))
        answer = problem(405, TITLES[405], f"{request.path} answers to {allowed}, not to {request.method}")
        answer.headers["Allow"] = allowed
        return answer
    except web.HTTPNotFound:
        return problem(404, TITLES[404], f"there is nothing at {request.path}")
