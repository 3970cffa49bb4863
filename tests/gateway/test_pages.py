"""Short links and the hosted pages: what a phone sees, what counts as a click, and what no preview can do."""

import asyncio
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from aiohttp import ClientResponse, web

from gateway.web import clicks, html, pages
from gateway.web.guesses import MOST_MISSES, WINDOW_S, Guesses, client_of
from gateway.web.pages import Silence
from gateway.web.previews import is_person
from router import links, offers, redemption
from router.faults import SetAside
from router.instants import DAY, SECOND
from router.redemption import Till
from rules.packs import load
from tests.support.hosted import BROWSER, NOW, SHOP, Brand, Site

LANGUAGES = ("nl", "en", "de", "fr")


async def get(site: Site, path: str, method: str = "GET", **headers: str) -> ClientResponse:
    return await site.client.request(method, path, headers=headers, allow_redirects=False)


class Visible(HTMLParser):
    """What a reader sees of a page, and its elements."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = ""
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._is_style = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._is_style = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        self._is_style = False

    def handle_data(self, data: str) -> None:
        if not self._is_style:
            self.text += data


async def seen(response: ClientResponse) -> str:
    return " ".join(Visible(await response.text()).text.split())


# ---- following


async def test_a_link_leads_where_the_author_wrote_and_is_not_kept_by_anybody(site: Site) -> None:
    code = site.link("tip1 https://shop.example/a?b=c#d")
    response = await get(site, f"/l/{code}")
    assert response.status == 302
    assert response.headers["Location"] == "https://shop.example/a?b=c#d"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Referrer-Policy"] == "no-referrer"


async def test_a_click_is_an_occurrence_of_its_contact_once(site: Site) -> None:
    code = site.link("tip1 https://shop.example")
    for _ in range(3):
        assert (await get(site, f"/l/{code}")).status == 302
    (click,) = site.writer.taken
    assert (click.brand, click.address, click.name, click.source, click.at) == (
        SHOP,
        "31612345678",
        "tip1",
        "click",
        NOW,
    )
    assert click.values == {"link": "tip1", "rule": "Shop/keyword TIP", "step": "reply 1"}
    assert (click.key, click.ref) == (code, "77")
    assert site.rows("SELECT clicked_at, clicks FROM links") == [(NOW, 1)]
    assert site.pages.clicks.again() == {code: 2}
    assert site.pages.clicks.again() == {}


async def test_a_click_before_this_process_is_one_too(site: Site) -> None:
    code = site.link("tip1 https://shop.example")
    with site.store.begin() as tx:
        links.click(tx, [(code, NOW - 5)])
    await get(site, f"/l/{code}")
    assert site.writer.taken == []
    assert site.pages.clicks.again() == {code: 1}


async def test_two_at_once_are_one_click(site: Site) -> None:
    code = site.link("https://shop.example")
    site.writer.back.clear()
    both = asyncio.gather(get(site, f"/l/{code}"), get(site, f"/l/{code}"))
    site.writer.back.set()
    assert [one.status for one in await both] == [302, 302]
    assert len(site.writer.taken) == 1


@pytest.mark.parametrize("kind", ["voucher zomer", "optout"])
async def test_links_to_our_own_pages_lead_there_below_whatever_path_we_are_served(site: Site, kind: str) -> None:
    code = site.link(kind)
    location = (await get(site, f"/l/{code}")).headers["Location"]
    assert location == f"../{kind[0]}/{code}"
    assert [one.name for one in site.writer.taken] == [kind]


@pytest.mark.parametrize("code", ["2" * 8, "nope", "%2e%2e%2fetc", "2" * 500, "'; DROP--"])
async def test_what_leads_nowhere_is_a_plain_page(site: Site, code: str) -> None:
    response = await get(site, f"/l/{code}")
    assert response.status == 404
    assert await seen(response) == "Introuvable Introuvable Ce lien n'existe pas, ou n'existe plus."
    for page in ("v", "o"):
        assert (await get(site, f"/{page}/{code}")).status == 404


async def test_an_erased_contacts_link_leads_nowhere_even_from_memory(site: Site) -> None:
    code = site.link("https://shop.example")
    assert (await get(site, f"/l/{code}")).status == 302
    with site.store.begin() as tx:
        links.forget(tx, 1)
    assert (await get(site, f"/l/{code}")).status == 404
    assert site.pages.clicks.recall(code) is None


async def test_a_row_that_was_tampered_with_is_no_open_redirect(site: Site) -> None:
    code = site.link("https://shop.example")
    with site.store.begin() as tx:
        tx.write("UPDATE links SET target = 'javascript:alert(1)'")
    assert (await get(site, f"/l/{code}")).status == 404
    assert site.writer.taken == []


# ---- who is no person


@pytest.mark.parametrize(
    "agent",
    [
        "WhatsApp/2.24.10 A",
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_1) AppleWebKit/601.2.4 (KHTML, like Gecko) Version/9.0.1 "
        "Safari/601.2.4 facebookexternalhit/1.1 Facebot Twitterbot/1.0",
        "Mozilla/5.0 (Macintosh) AppleWebKit/600.2.5 (KHTML, like Gecko) Version/8.0.2 Safari/600.2.5 (Applebot/0.1)",
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
        "TelegramBot (like TwitterBot)",
        "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
        "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5",
        "Mozilla/5.0 (compatible; MicrosoftPreview/2.0; +https://aka.ms/MicrosoftPreview)",
        "Mozilla/5.0 (Linux; Android 6.0.1) Chrome/126 Mobile Safari/537.36 (compatible; Googlebot/2.1)",
        "Mozilla/4.0 (compatible; ms-office; MSOffice 16)",
        "curl/8.5.0", "python-requests/2.32", "",
    ],
)  # fmt: skip
async def test_previews_are_served_and_not_counted(site: Site, agent: str) -> None:
    code = site.link("https://shop.example")
    response = await get(site, f"/l/{code}", **{"User-Agent": agent})
    assert (response.status, response.headers["Location"]) == (302, "https://shop.example")
    assert site.writer.taken == []


@pytest.mark.parametrize(
    "headers",
    [{"Purpose": "prefetch"}, {"Sec-Purpose": "prefetch;prerender"}, {"X-Moz": "prefetch"}, {"X-Purpose": "preview"}],
)
async def test_a_browser_that_fetches_ahead_is_not_counted(site: Site, headers: dict[str, str]) -> None:
    code = site.link("https://shop.example")
    assert (await get(site, f"/l/{code}", **headers)).status == 302
    assert (await get(site, f"/l/{code}", method="HEAD")).status == 302
    assert site.writer.taken == []
    await get(site, f"/l/{code}")
    assert len(site.writer.taken) == 1


@pytest.mark.parametrize(
    "agent",
    [
        BROWSER,
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 "
        "Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (Linux; Android 13; SM-G991B; wv) AppleWebKit/537.36 Chrome/120 Mobile Safari/537.36 [FB_IAB]",
        "Mozilla/5.0 (Linux; Android 9; CUBOT_X19) AppleWebKit/537.36 Chrome/120 Mobile Safari/537.36",
    ],
)
def test_phones_are_people(agent: str) -> None:
    assert is_person("GET", {"User-Agent": agent})


# ---- while the store is away


async def test_a_redirect_does_not_wait_for_a_store_that_is_away(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clicks, "CLICK_S", 0.01)
    code = site.link("https://shop.example")
    site.writer.back.clear()
    assert (await get(site, f"/l/{code}")).status == 302
    assert site.pages.clicks.waiting == 1
    site.writer.back.set()
    await asyncio.wait_for(asyncio.gather(*site.pages.clicks._waiting), 5)
    assert len(site.writer.taken) == 1


async def test_links_that_were_followed_lead_on_when_nothing_can_be_read(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, other = site.link("https://shop.example"), site.link("https://other.example")
    await get(site, f"/l/{known}")
    site.looks._reader._url = "sqlite:////nowhere/kwek.db"
    await site.looks._worker.begin(site.looks._reader.close)
    assert (await get(site, f"/l/{known}")).headers["Location"] == "https://shop.example"
    response = await get(site, f"/l/{other}")
    assert (response.status, response.headers["Retry-After"]) == (503, "60")
    assert (await get(site, f"/o/{known}")).status == 503


async def test_more_clicks_than_may_wait_are_lost_and_counted(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clicks, "CLICK_S", 0.01)
    monkeypatch.setattr(clicks, "MOST_WAITING", 1)
    site.writer.back.clear()
    for _ in range(3):
        assert (await get(site, f"/l/{site.link('https://shop.example')}")).status == 302
    assert (site.pages.clicks.waiting, site.pages.clicks.lost) == (1, 2)
    site.pages.clicks.close()
    assert site.pages.clicks.lost == 3


async def test_a_writer_that_has_ended_loses_the_click_and_not_the_phone(site: Site) -> None:
    site.writer.fails = True
    assert (await get(site, f"/l/{site.link('https://shop.example')}")).status == 302
    assert site.pages.clicks.lost == 1


async def test_what_is_known_by_heart_is_bounded(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clicks, "MOST_KNOWN", 2)
    monkeypatch.setattr(clicks, "MOST_WAITING", 1)
    codes = [site.link("https://shop.example") for _ in range(4)]
    for code in [*codes, *codes]:
        await get(site, f"/l/{code}")
    assert [site.pages.clicks.recall(code) is not None for code in codes] == [False, False, True, True]
    assert len(site.pages.clicks.again()) == 1


# ---- whoever tries codes


async def test_whoever_tries_codes_waits_and_others_do_not(site: Site) -> None:
    code = site.link("https://shop.example")
    for _ in range(MOST_MISSES):
        assert (await get(site, "/l/22222222", **{"X-Forwarded-For": "203.0.113.9"})).status == 404
    slow = await get(site, f"/l/{code}", **{"X-Forwarded-For": "10.1.1.1, 203.0.113.9"})
    assert (slow.status, slow.headers["Retry-After"]) == (429, "60")
    assert (await get(site, f"/l/{code}", **{"X-Forwarded-For": "203.0.113.10"})).status == 302
    site.world.at += int(WINDOW_S) * SECOND
    assert (await get(site, f"/l/{code}", **{"X-Forwarded-For": "203.0.113.9"})).status == 302


def test_addresses_are_remembered_up_to_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.web.guesses.MOST_CLIENTS", 2)
    guesses = Guesses()
    for client in ("a", "b", "c"):
        for _ in range(MOST_MISSES):
            guesses.missed(client, 0.0)
    assert [guesses.must_wait(client, 1.0) for client in ("a", "b", "c")] == [False, True, True]


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("127.0.0.1", "198.51.100.1, 198.51.100.2", "198.51.100.2"),
        ("127.0.0.1", "nobody", "127.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("2001:db8:1:2:3::4", "", "2001:0db8:0001:0002"),
        (None, "", ""),
    ],
)
def test_whose_request_it_is(peer: str | None, forwarded: str, client: str) -> None:
    assert client_of(peer, forwarded) == client


# ---- the voucher page


async def voucher(site: Site, **headers: str) -> str:
    code = site.rows("SELECT code FROM links WHERE kind = 'voucher'")[0][0]
    response = await get(site, f"/v/{code}", **headers)
    assert response.status == 200
    return await seen(response)


async def test_a_voucher_shows_its_code_and_until_when(site: Site) -> None:
    until = NOW + 5 * DAY + 11 * 3600 * SECOND  # 23:00 UTC is midnight in Amsterdam
    own = site.voucher(until=until)
    site.link("voucher zomer")
    assert await voucher(site) == (
        f"Uw code van {SHOP} Uw code van {SHOP} {own} Laat deze code zien, of vul hem in bij uw bestelling. "
        "Geldig tot en met 10 januari 2026."
    )
    site.voucher(until=NOW + 2 * 3600 * SECOND)
    assert "Geldig tot 5 januari 2026, 15:00." in await voucher(site)
    site.world.at += 2 * 3600 * SECOND
    over = await voucher(site)
    assert "Deze actie is afgelopen op 5 januari 2026, 15:00." in over
    assert "Laat deze code zien" not in over


async def test_a_redeemed_voucher_says_so(site: Site) -> None:
    own = site.voucher()
    site.link("voucher zomer")
    assert (await voucher(site)).endswith("bestelling.")
    with site.store.begin() as tx:
        redemption.redeem(tx, SHOP, own, Till("key 5"), NOW)
    text = await voucher(site)
    assert "Deze code is gebruikt op 5 januari 2026." in text
    assert own in text


async def test_a_voucher_without_a_code_says_so(site: Site) -> None:
    site.link("voucher zomer")
    assert (await voucher(site)).endswith("Er is geen code meer voor deze actie.")


async def test_an_erased_contacts_page_shows_no_code(site: Site) -> None:
    own = site.voucher()
    site.link("voucher zomer")
    with site.store.begin() as tx:
        offers.forget(tx, 1)
    assert own not in await voucher(site)


async def test_a_brand_that_is_gone_still_has_its_pages(site: Site) -> None:
    site.voucher(until=NOW + DAY)
    site.link("voucher zomer")
    site.brands.clear()
    assert "Valid until January 6, 2026, 12:00" in (await voucher(site)).replace("\u202f", " ")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_pages_speak_the_contacts_language(site: Site, language: str) -> None:
    site.contact(2, f"{language}-BE", "32470123456")
    site.voucher(2, until=NOW + DAY)
    code = site.link("voucher zomer", 2)
    page = Visible(await (await get(site, f"/v/{code}")).text())
    assert page.tags[0] == ("html", {"lang": language})
    assert html.say(language, "voucher_show") in page.text


def test_every_language_says_all_and_names_the_word_that_undoes_it() -> None:
    assert set(html.texts()) == set(LANGUAGES)
    for language, said in html.texts().items():
        assert set(said) == set(html.texts()["en"])
        words = set(re.findall(r"\b[A-Z]{3,}\b", said["optout_back"]))
        assert {word.lower() for word in words} & load().language(language).start


# ---- the page that ends it


async def test_looking_opts_nobody_out(site: Site) -> None:
    code = site.link("optout")
    for method in ("GET", "HEAD"):
        assert (await get(site, f"/o/{code}", method=method)).status == 200
    assert (await get(site, f"/o/{code}", method="PUT")).status == 405
    assert site.writer.silenced == []
    text = await seen(await get(site, f"/o/{code}"))
    assert f"Wilt u geen berichten meer van {SHOP}?" in text


async def test_the_button_opts_out_with_its_evidence(site: Site) -> None:
    code = site.link("optout")
    response = await get(site, f"/o/{code}", "POST", Origin="https://sms.example", **{"Sec-Fetch-Site": "same-origin"})
    assert (response.status, response.headers["Location"]) == (303, code)
    assert site.writer.silenced == [Silence(SHOP, "31612345678", code, NOW, "127.0.0.1", "", BROWSER)]
    text = await seen(await get(site, f"/o/{code}"))
    assert f"U bent afgemeld en krijgt geen berichten meer van {SHOP}." in text
    assert "AAN" in text
    assert (await get(site, f"/o/{code}", "POST")).status == 303
    assert len(site.writer.silenced) == 1


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
     {"Origin": "null"}, {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
     {"Origin": "https://sms.example", "Sec-Fetch-Site": "none"}],
)  # fmt: skip
async def test_another_sites_form_does_not(site: Site, headers: dict[str, str]) -> None:
    code = site.link("optout")
    response = await get(site, f"/o/{code}", "POST", **headers)
    assert response.status == 403
    assert "eigen pagina" in await seen(response)
    assert site.writer.silenced == []


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "same-origin"}, {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
     {"Origin": "https://SMS.example"}, {}],
)  # fmt: skip
async def test_our_own_form_does_also_where_a_browser_keeps_its_origin_to_itself(
    site: Site, headers: dict[str, str]
) -> None:
    assert (await get(site, f"/o/{site.link('optout')}", "POST", **headers)).status == 303
    assert len(site.writer.silenced) == 1


async def test_a_long_form_is_refused(site: Site) -> None:
    code = site.link("optout")
    response = await site.client.post(f"/o/{code}", data=b"x" * 5_000)
    assert response.status == 403


async def test_a_voucher_link_opts_nobody_out(site: Site) -> None:
    code = site.link("voucher zomer")
    assert (await get(site, f"/o/{code}", "POST")).status == 404
    assert (await get(site, f"/o/{code}")).status == 404
    assert site.writer.silenced == []


async def test_an_opt_out_that_cannot_be_kept_in_time_is_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "OPT_OUT_S", 0.01)
    code = site.link("optout")
    site.writer.back.clear()
    response = await get(site, f"/o/{code}", "POST")
    assert response.status == 503
    assert await seen(response) == "Even wachten Even wachten Dit lukt nu niet. Probeer het over een minuut opnieuw."
    site.writer.back.set()


async def test_who_presses_again_waits_for_the_same_opt_out(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    code, silenced, both_wait = site.link("optout"), site.pages._silenced, asyncio.Event()
    waiting: list[object] = []

    async def counted(pending: asyncio.Task[object]) -> bool:
        waiting.append(pending)
        both_wait.set() if len(waiting) == 2 else None
        return await silenced(pending)

    monkeypatch.setattr(site.pages, "_silenced", counted)
    site.writer.back.clear()
    both = asyncio.gather(get(site, f"/o/{code}", "POST"), get(site, f"/o/{site.link('optout')}", "POST"))
    await asyncio.wait_for(both_wait.wait(), 10)
    site.writer.back.set()
    assert [one.status for one in await both] == [303, 303]
    assert len(site.writer.silenced) == 1
    assert site.pages._silencing == {}


async def test_more_opt_outs_than_may_wait_are_told_so_at_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    in_time = pages.OPT_OUT_S
    monkeypatch.setattr(pages, "OPT_OUT_S", 0.01)
    monkeypatch.setattr(pages, "MOST_SILENCING", 2)
    site.writer.back.clear()
    phones = [f"3161234567{number}" for number in range(3)]
    for number, phone in enumerate(phones):
        site.contact(10 + number, address=phone)
    codes = [site.link("optout", 10 + number) for number in range(3)]
    for code in [*codes, *codes]:
        response = await get(site, f"/o/{code}", "POST")
        assert (response.status, response.headers["Retry-After"]) == (503, "60")
        assert "Probeer het over een minuut opnieuw." in await seen(response)
    assert list(site.pages._silencing) == [(SHOP, phone) for phone in phones[:2]]
    waiting = list(site.pages._silencing.values())
    monkeypatch.setattr(pages, "OPT_OUT_S", in_time)
    site.writer.back.set()
    await asyncio.wait(waiting)
    assert [one.code for one in site.writer.silenced] == codes[:2]
    assert (await get(site, f"/o/{codes[2]}", "POST")).status == 303


async def test_a_page_does_not_say_it_is_done_while_something_may_still_be_written(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "OPT_OUT_S", 0.01)
    code = site.link("optout")
    silence, written = site.pages._silence, asyncio.Event()
    assert silence is not None

    async def held_back(wish: Silence) -> None:
        await silence(wish)
        await written.wait()

    site.pages._silence = held_back
    assert (await get(site, f"/o/{code}", "POST")).status == 503
    assert len(site.writer.silenced) == 1, "it is on disk"
    assert (await get(site, f"/o/{code}")).status == 503
    assert (await get(site, f"/o/{code}", "POST")).status == 503
    (pending,) = site.pages._silencing.values()
    written.set()
    await pending
    assert "U bent afgemeld" in await seen(await get(site, f"/o/{code}"))
    assert (await get(site, f"/o/{code}", "POST")).status == 303
    assert len(site.writer.silenced) == 1


async def test_at_the_end_nobody_waits_for_an_opt_out(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "OPT_OUT_S", 0.01)
    site.writer.back.clear()
    assert (await get(site, f"/o/{site.link('optout')}", "POST")).status == 503
    (pending,) = site.pages._silencing.values()
    site.pages.close()
    await asyncio.wait([pending])
    assert pending.cancelled()
    assert site.pages._silencing == {}


async def test_an_opt_out_while_the_gateway_stops_is_told(site: Site) -> None:
    site.writer.fails = True
    assert (await get(site, f"/o/{site.link('optout')}", "POST")).status == 503


async def test_an_opt_out_that_cannot_be_performed_is_not_shown_as_done(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def aside(wish: pages.Silence) -> None:
        raise SetAside("a fault of ours")

    monkeypatch.setattr(site.pages, "_silence", aside)
    code = site.link("optout")
    assert (await get(site, f"/o/{code}", "POST")).status == 503
    assert (await get(site, f"/o/{code}")).status == 200
    assert site.writer.silenced == []


async def test_where_nobody_performs_it_there_is_no_page_to_opt_out(site: Site, aiohttp_client: Any) -> None:
    bare = pages.Pages(site.world, site.looks, site.writer, site.brands.get, "https://sms.example")
    app = web.Application()
    app.add_routes(bare.routes())
    client = await aiohttp_client(app)
    code = site.link("optout")
    assert (await client.get(f"/l/{code}", allow_redirects=False)).status == 404
    assert (await client.get(f"/o/{code}")).status == 404


# ---- what every page is


async def test_pages_run_nothing_load_nothing_and_tell_nobody(site: Site) -> None:
    site.voucher()
    paths = [f"/v/{site.link('voucher zomer')}", f"/o/{site.link('optout')}", "/l/22222222"]
    for path in paths:
        response = await get(site, path)
        text = await response.text()
        page = Visible(text)
        assert {tag for tag, _ in page.tags}.isdisjoint({"script", "img", "link", "iframe", "object"})
        assert not any(name.startswith("on") or name == "style" for _, attrs in page.tags for name in attrs)
        assert not re.search(r"https?://", text)
        assert "<b>" not in text.replace("&lt;b&gt;", "")
        policy = response.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "frame-ancestors 'none'" in policy
        style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
        assert style is not None
        assert _hash(style[1]) in policy
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Referrer-Policy"] == "same-origin", "no-referrer makes a form's Origin null"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert [tag for tag, _ in page.tags].count("h1") == 1
        assert any(tag == "main" for tag, _ in page.tags)


def _hash(style: str) -> str:
    from base64 import b64encode
    from hashlib import sha256

    return b64encode(sha256(style.encode()).digest()).decode()


@pytest.mark.parametrize(
    ("header", "language"),
    [("nl-NL,nl;q=0.9,en;q=0.8", "nl"), ("es, de;q=0.5", "de"), ("", "en"), ("x" * 10_000, "en"), ("*", "en")],
)
def test_a_strangers_language_is_what_his_browser_asks_for(header: str, language: str) -> None:
    assert html.accepted(header) == language


def test_a_brand_is_what_it_is() -> None:
    brand: Any = Brand()
    assert (brand.language, str(brand.zone)) == ("nl", "Europe/Amsterdam")
