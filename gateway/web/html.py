"""The hosted pages as HTML: templates that escape everything, texts as data, and headers that let a browser load and
run nothing else.

No script, no picture, no third party, one style whose hash the policy names: what a page shows of a contact leaves it
for nobody. The addresses hold codes that are secrets, so no page tells another site where it was come from. It does
tell our own: under `no-referrer` a browser sends `Origin: null` with a form, and the button's POST could not be told
from another site's (Fetch standard, "append a request Origin header").
"""

from __future__ import annotations

import tomllib
from base64 import b64encode
from collections.abc import Mapping
from datetime import timedelta, tzinfo
from functools import cache, partial
from hashlib import sha256
from importlib.resources import files
from typing import Any

from aiohttp import web
from babel.dates import format_date, format_time
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from rules.times import instant

LANGUAGE = "en"
"""Of a page for somebody of whom nothing else is known."""
LONGEST_ACCEPT = 200
"""Characters of Accept-Language that are looked at."""


@cache
def texts() -> Mapping[str, Mapping[str, str]]:
    """What pages say, by language."""
    return tomllib.loads(files("gateway.web").joinpath("pages.toml").read_text("utf-8"))


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("gateway.web"), autoescape=select_autoescape(default=True), undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, auto_reload=False,
    )  # fmt: skip


@cache
def headers() -> Mapping[str, str]:
    """What every page is sent with."""
    style = b64encode(sha256(_templates().get_template("style.css").render().encode()).digest()).decode()
    return {
        "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'",
        "Cache-Control": "no-store",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "X-Robots-Tag": "noindex, nofollow",
    }


def spoken(*languages: str | None) -> str:
    """The first of these languages that pages are written in (`nl`, also `nl-BE`), else English."""
    for language in languages:
        code = (language or "").lower().partition("-")[0]
        if code in texts():
            return code
    return LANGUAGE


def accepted(header: str) -> str:
    """The language of a browser's Accept-Language, by its order."""
    return spoken(*(one.partition(";")[0].strip() for one in header[:LONGEST_ACCEPT].split(",")))


def say(language: str, name: str, **values: str) -> str:
    """A text with its values, not escaped yet."""
    return texts()[language][name].format(**values)


def page(template: str, language: str, status: int = 200, **values: Any) -> web.Response:
    """A page in a language."""
    body = _templates().get_template(template).render(values, language=language, say=partial(say, language))
    return web.Response(status=status, text=body, content_type="text/html", headers=headers())


def message(what: str, language: str, status: int, **more: str) -> web.Response:
    """A page that says one thing; `more` are headers."""
    answer = page("message.html", language, status, what=what)
    answer.headers.update(more)
    return answer


def day(at: int, zone: tzinfo, language: str) -> str:
    """The day of an instant, as it is written in a language."""
    return format_date(instant(at).astimezone(zone), "long", language)


def moment(at: int, zone: tzinfo, language: str) -> str:
    """The day and time of an instant."""
    local = instant(at).astimezone(zone)
    return f"{format_date(local, 'long', language)}, {format_time(local, 'short', tzinfo=zone, locale=language)}"


def last_day(until: int, zone: tzinfo, language: str) -> str:
    """The last whole day before an instant; empty when it is not a midnight."""
    local = instant(until).astimezone(zone)
    if (local.hour, local.minute, local.second) != (0, 0, 0):
        return ""
    return format_date(local.replace(tzinfo=None) - timedelta(minutes=1), "long", language)
