"""Phones of two brands on one number that stop in every way there is while drips are under way: steps that fall due at
that very moment, texts that quiet hours let go, samples that end, events and clicks that begin something.

Whatever is given to the wire is judged by what the store said of the phone when its opt-out was answered, and so is
every drip that stands in the store.
"""

from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

from router.claims import Claim
from router.group import Done
from router.instants import DAY, HOUR, MINUTE, SECOND
from router.messages import Inbound, Occurrence, Source
from router.store.engine import Store
from router.suppression import Suppressions
from router.world import first_id_at
from tests.support.drip_brands import BRANDS, agree, two_brands
from tests.support.interleavings import Beside, Play
from tests.support.routing import NOW, Phones

EVENTS = ("mand", "begin", "begin", "koop", "order", "vraag", "kijk")
IN_OWN_WORDS = ("stuur mij geen sms meer", "STPO", "stop aub!")
LIFTS = ("START", "JA")
"""Words by which a phone may let a brand write again."""
ANSWERS = ("confirmation", "help", "operator", "start_confirmation")
"""Classes that answer what a phone writes after its STOP, and are no brand's own accord."""
TOGETHER = 8
"""Phones that are about at one time."""
TURNS = 55
"""What happens to each of them, on average, before its last STOP; ..."""
AFTERWARDS = 12
"""... and after it, when nothing may come of it."""
SPREAD = 3 * SECOND
"""How far promotional texts are spread when the quiet hours end."""
MILLISECOND = 1_000
SOON = 10 * MINUTE
"""How far the clock is set forward at the most, to what is due next: confirmations and lapsed ones wait for days."""
BEFORE_EIGHT = 5 * HOUR + MINUTE
"""From noon in UTC, so much before it is a minute to eight in the morning in Amsterdam."""
_CONTACT = "(SELECT id FROM contacts WHERE address = '{phone}')"
STANDING = """\
SELECT 'runs', count(*) FROM runs r JOIN profiles p ON p.contact_id = r.contact_id AND p.brand = r.brand
WHERE p.opted_out_at IS NOT NULL AND substr(r.rule, length(r.brand) + 1, 6) = '/drip '
UNION ALL
SELECT 'enrolments', count(*) FROM enrolments e JOIN profiles p ON p.contact_id = e.contact_id AND p.brand = e.brand
WHERE p.opted_out_at IS NOT NULL AND e.ended_at IS NULL
"""
SILENCED = f"SELECT brand FROM profiles WHERE opted_out_at IS NOT NULL AND brand <> '' AND contact_id = {_CONTACT}"
WAITING = f"""\
SELECT CASE WHEN due_at <= {{now}} THEN 'due' ELSE kind END AS what, count(*) FROM runs WHERE contact_id = {_CONTACT}
GROUP BY what
UNION ALL
SELECT state, count(*) FROM outbox WHERE contact_id = {_CONTACT} AND state IN ('ready', 'claimed') GROUP BY state
"""
NEXT = """\
SELECT c.address, r.due_at FROM runs r JOIN contacts c ON c.id = r.contact_id WHERE r.due_at <= {until}
ORDER BY r.due_at LIMIT 1
"""


class Way(NamedTuple):
    """How a phone opts out: by a text or by a brand's page, and which brands that must silence at least."""

    name: str
    text: str = ""
    page: str = ""
    brands: tuple[str, ...] = ()


WAYS = (
    *(Way("STOP", "STOP") for _ in range(3)),
    *(Way("in own words", words) for words in IN_OWN_WORDS),
    *(Way("the page", page=brand, brands=(brand,)) for brand in (*BRANDS, *BRANDS)),
    Way("STOP and a keyword", "STOP TIP", brands=("Shop",)),
    Way("STOP and a keyword", "STOP BROOD", brands=("Bakker",)),
    Way("STOP and a name", "STOP BAKKER", brands=("Bakker",)),
    *(Way("STOP ALL", "STOP ALLES", brands=tuple(BRANDS)) for _ in range(2)),
)


class Said(NamedTuple):
    """An opt-out that is not answered yet: its way, and what was under way for that phone when it was said."""

    way: Way
    waits: Mapping[str, int]


class Races(Play):
    """Eight phones at a time, by way of one node or of several."""

    window = 3
    takes = 0.4

    def __init__(self, *stores: Store, seed: int) -> None:
        first = Phones(stores[0], two_brands())
        others = [
            Phones(store, two_brands(), f"ams-{number}", Beside(first.world))
            for number, store in enumerate(stores[1:], 2)
        ]
        super().__init__(seed, first, *others)
        if others:  # no node knows what another's kernel has not taken (docs/reliability.md, what is not promised)
            self.takes = 1.0
        for node in self.nodes:
            node.router.ways.outfit("https://sms.example", SPREAD, Suppressions())
        self.raced: Counter[str] = Counter()
        """Opt-outs that were answered and had been said while a drip, or a text, was under way; by their way."""
        self.under_way: Counter[str] = Counter()
        """What was under way then."""
        self.sent: Counter[str] = Counter()
        """What was given to the wire, by its class."""
        self.silent: set[tuple[str, str]] = set()
        """Phones and brands."""
        self.phones: list[str] = []
        self._wave = 0
        self._opens_at = 0
        """When the quiet hours end that a wave begins in."""
        self._said: dict[int, Said] = {}
        self._last: dict[str, int] = {}
        """Of each phone the last thing it said or did that may change where it stands."""
        self._lifts: dict[int, str] = {}
        """Texts that may let brands write again and are not on disk, with their phones."""
        self._kept: set[int] = set()
        """Texts and occurrences that are on disk."""
        self._lifted: dict[str, int] = {}
        """An id behind the last of them that is on disk, by phone."""
        self._confirmed: dict[str, set[int]] = {}
        """Confirmations that a phone got since."""

    # ------------------------------------------------------------------------------------------- what may not happen

    def given(self, claim: Claim) -> None:
        """To whom silence was promised, only a confirmation is, and answers to what he writes then."""
        self.sent[claim.message_class] += 1
        brand = claim.text.partition(":")[0]
        if claim.message_class == "stop_confirmation":
            self._confirms(claim)
        elif (claim.address, brand) in self.silent and claim.message_class not in ANSWERS:
            self.broken.append(f"{claim.address} was sent {claim.text[:24]!r} ({claim.message_class})")

    def _confirms(self, claim: Claim) -> None:
        """One for each brand that was not silent yet; what an earlier STOP is still owed aside."""
        if claim.id > self._lifted.get(claim.address, 0):
            confirmed = self._confirmed.setdefault(claim.address, set())
            confirmed.add(claim.id)
            if len(confirmed) > len(BRANDS):
                self.broken.append(f"{claim.address} got {len(confirmed)} confirmations")

    def on_disk(self, done: Done) -> None:
        """All could be performed, and no drip stands in the store for whom its brand may not write to."""
        self.broken += [*done.faults, *(reason for _, reason in done.quarantined)]
        for message in done.accepted:
            if message.id in self._lifts and self._last[message.sender] in self._kept:
                self._last[message.sender] = message.id  # it was read before that opt-out, and comes after it
            if self._lifts.pop(message.id, None):
                self._lifted[message.sender] = first_id_at(self.router.world.now() + MILLISECOND)
                self._confirmed.pop(message.sender, None)
        self._kept.update(done.occurred, (message.id for message in done.accepted))
        for what, count in self._rows(STANDING):
            if count:
                self.broken.append(f"{count} {what} of drips stand whose brand is silenced")

    # ------------------------------------------------------------------------------------------ what phones and we do

    def says(self, phone: str, text: str) -> Inbound:
        """A phone writes."""
        message = self.read(phone, text)
        if text in LIFTS:
            self._last[phone] = message.id
            self._lifts[message.id] = phone
            self.silent -= {(phone, brand) for brand in BRANDS}
        return message

    def opts_out(self, phone: str) -> None:
        """A phone opts out, one way or another."""
        way = self.random.choice(WAYS)
        waits = self._waits(phone)
        if way.text:
            self._last[phone] = cause_id = self.says(phone, way.text).id
        else:
            self._last[phone] = cause_id = self.occurs(phone, way.page, "optout", "optout")
        self._said[cause_id] = Said(way, waits)

    def occurs(self, phone: str, brand: str, name: str, source: Source = "api") -> int:
        """Something happens to a phone, and one node is told."""
        node, now = self.random.choice(self.nodes), self.router.world.now()
        allowed = {"consent": "transactional"} if name == "order" else {}
        one = Occurrence(
            id=node.router.world.ids.next(now), brand=brand, address=phone, name=name, source=source, at=now,
            received_at=now, values=allowed, ref="881" if allowed else "",
        )  # fmt: skip
        node.middle.exchange.occur(one)
        if source == "optout":
            node.middle.desk.told[one.id] = partial(self._is_silenced, phone, one.id)
        return one.id

    def answered(self, message: Inbound, kept: bool) -> None:
        """From here on there is silence, where an opt-out was the phone's last word."""
        if not kept:  # the clock went on while it waited: nothing is promised
            self._said.pop(message.id, None)
            self._lifts.pop(message.id, None)
        elif message.id in self._said:
            self._is_silenced(message.sender, message.id)
        elif self._last.get(message.sender) == message.id:  # what it did not lift stays silent
            self.silent |= {(message.sender, brand) for brand in self._silenced(message.sender)}

    def _is_silenced(self, phone: str, cause_id: int) -> None:
        way, waits = self._said.pop(cause_id)
        self.stops += 1
        self.raced[way.name] += bool(waits)
        self.under_way.update(waits)
        if self._last[phone] != cause_id or phone in self._lifts.values():
            return  # it has said something else meanwhile
        silenced = self._silenced(phone)
        if not silenced or not silenced.issuperset(way.brands):
            self.broken.append(f"{phone}: {way} silenced {sorted(silenced)}")
        self.silent |= {(phone, brand) for brand in silenced}

    def _rows(self, sql: str) -> list[Any]:
        with self.router.store.begin() as tx:
            return tx.execute(sql)

    def _silenced(self, phone: str) -> set[str]:
        return {row[0] for row in self._rows(SILENCED.format(phone=phone))}

    def _waits(self, phone: str) -> dict[str, int]:
        """What is under way for a phone."""
        now = self.router.world.now()
        found = {row[0]: row[1] for row in self._rows(WAITING.format(phone=phone, now=now))}
        if now < self._opens_at + SPREAD:
            found["quiet hours"] = sum(found.get(kind, 0) for kind in ("step", "held", "due"))
        octets = sum(claim.address == phone for claims in self.unwritten.values() for claim in claims)
        desks = [node.middle.desk for node in self.nodes]
        events = sum(one.address == phone and one.source != "optout" for desk in desks for one in desk.occurrences)
        return {name: count for name, count in {**found, "octets": octets, "events": events}.items() if count}

    # -------------------------------------------------------------------------------------------------- their course

    def wave(self) -> None:
        """Phones come that have agreed to both brands' tips, and each has opted out of something when they go."""
        self._wave += 1
        self.phones = [f"316{self._wave:04}{place:04}" for place in range(TOGETHER)]
        early = BEFORE_EIGHT if self._wave % 2 else 0
        self.router.world.at = NOW + self._wave * DAY - early
        self._opens_at = self.router.world.at + MINUTE if early else 0
        for brand in BRANDS:
            agree(self.router, brand, self.phones)
        with self.router.store.begin() as tx:
            tx.write("DELETE FROM samples")
        for phone in self.phones:
            self.occurs(phone, self.random.choice(tuple(BRANDS)), "begin")
        for _ in range(TURNS * TOGETHER):
            self.step()
        for phone in self.phones:
            self.opts_out(phone)
            for _ in range(3):
                self.step(calm=True)
        for _ in range(AFTERWARDS * TOGETHER):
            self.step(calm=True)
        self.settle()
        self.timers.forward(HOUR / SECOND)
        self._look_round()
        self.settle(10)
        unanswered = sum(node.middle.exchange.unanswered for node in self.nodes)
        if unanswered or self._said:
            self.broken.append(f"{unanswered} texts and {len(self._said)} opt-outs were not answered")
        self.silent.clear()
        self._kept.clear()
        self._confirmed.clear()  # the next STOP of these comes a day later, and is confirmed anew

    def step(self, calm: bool = False) -> None:
        """Something happens; `calm`: nobody lets a brand write again, nor stops one."""
        draw = self.random.random()
        if draw < 0.36:
            self._acts(self.random.choice(self.phones), calm)
        elif draw < 0.68:
            self.write()
        elif draw < 0.82:
            self.reply()
        elif draw < 0.88:
            self.flush()
        elif draw < 0.94:
            self.timers.forward(self.random.choice((0.01, 0.1, 0.5, 1.1)))
        else:
            self._falls_due(calm)

    def _acts(self, phone: str, calm: bool) -> None:
        draw, brand = self.random.random(), self.random.choice(tuple(BRANDS))
        is_silent = any(address == phone for address, _ in self.silent)
        if not calm and draw < (0.15 if is_silent else 0.3):
            self.opts_out(phone)
        elif not calm and is_silent and draw < 0.5:
            self.says(phone, self.random.choice(LIFTS))
        elif draw < 0.6:
            self.says(phone, self.random.choice((*BRANDS[brand], "WAT?", "HELP")))
        elif draw < 0.65:
            self.occurs(phone, brand, "tip", "click")
        else:
            self.occurs(phone, brand, self.random.choice(EVENTS))

    def _falls_due(self, calm: bool) -> None:
        """The clock comes to the instant of what is due next; its phone, as like as not, opts out just then."""
        for node in [*self.nodes, *self.nodes]:  # what was read by now is in a group: it would have waited too long
            node.write()
        now = self.router.world.now()
        for phone, due_at in self._rows(NEXT.format(until=now + SOON)):
            self.timers.forward(max(0, due_at - now) / SECOND)
            self._look_round()
            if not calm and self.random.random() < 0.5:
                self.opts_out(phone)

    def _look_round(self) -> None:
        """Every node looks what is due, as each does that sleeps until then."""
        for node in self.nodes:
            node.middle.desk.put(due=True, claim=True)
