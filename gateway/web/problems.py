"""Errors over HTTP as problem documents (RFC 9457): a title for programs and people, a sentence of what to do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

TITLES = {404: "Not found", 405: "Method not allowed", 500: "A fault of kwek"}

log = structlog.get_logger("kwek.web")


def problem(status: int, title: str, detail: str, **more: object) -> web.Response:
    """A problem document; `more` are members of its own (RFC 9457 section 3.2)."""
    return web.json_response(
        {"type": "about:blank", "title": title, "status": status, "detail": detail, **more},
        status=status,
        content_type="application/problem+json",
    )


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turns what aiohttp refuses, and what is a fault of ours, into problem documents."""
    try:
        return await handler(request)
    except web.HTTPMethodNotAllowed as refused:
        allowed = ", ".join(sorted(refused.allowed_methods))
        answer = problem(405, TITLES[405], f"{request.path} answers to {allowed}, not to {request.method}")
        answer.headers["Allow"] = allowed
        return answer
    except web.HTTPNotFound:
        return problem(404, TITLES[404], f"there is nothing at {request.path}")
    except web.HTTPException as refused:
        if refused.status < 400:
            raise
        return problem(refused.status, refused.reason, refused.text or refused.reason)
    except Exception as fault:
        log.error("a request failed", path=request.match_info.route.name or request.method, exc_info=fault)
        return problem(500, TITLES[500], "this is a fault of kwek itself; its log tells more")
