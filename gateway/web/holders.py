"""Who may ask: the key that a request to the API holds, and what is answered where it holds none."""

from __future__ import annotations

from aiohttp import web

from gateway.web import keys as secret
from gateway.web.entrance import Looks
from gateway.web.problems import problem
from router import keys
from router.keys import Key
from router.store.errors import StoreUnavailable

RETRY_AFTER = "5"


class ProblemError(Exception):
    """A request that is answered with a problem document."""

    def __init__(self, answer: web.Response) -> None:
        super().__init__(answer.status)
        self.answer = answer


def away(title: str, detail: str) -> web.Response:
    """503: it can be asked again in a while."""
    answer = problem(503, title, detail)
    answer.headers["Retry-After"] = RETRY_AFTER
    return answer


async def holder(looks: Looks, request: web.Request) -> Key:
    """The key of a request. Raises ProblemError when it holds none that counts."""
    shown = secret.presented(request.headers.get("Authorization", ""))
    key = None
    if shown is not None:
        try:
            key = await looks.at(lambda tx: keys.find(tx, shown.id))
        except StoreUnavailable:
            detail = "the store does not answer right now; ask again in a while"
            raise ProblemError(away("Store away", detail)) from None
    if shown is None or key is None or not secret.opens(key, shown):
        answer = problem(
            401, "No key", "send a key of the brand as `Authorization: Bearer kwek_…`; `kwek key new` makes one"
        )
        answer.headers["WWW-Authenticate"] = 'Bearer realm="kwek"'
        raise ProblemError(answer)
    return key
