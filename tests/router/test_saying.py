"""What stands in a text, and why one is held back, by conversations."""

from router.messages import Contact, Profile
from tests.support.conversations import play
from tests.support.phones import Phone, book, brand


def test_codes_and_links_are_the_contacts_own_in_every_language() -> None:
    rules = """\
voucher zomer "ZOM-####"

contact
    url  text

keyword TAAL
    reply nl "Nu {voucher zomer} {link a https://p.example/nl}" en "Now {voucher zomer} {link a https://p.example/en}"

keyword ALLES
    reply "{link https://p.example/x} {link voucher zomer} {link optout}"

keyword PROFIEL
    reply "{link contact.url|geen}"

keyword LOS
    reply "{link contact.url}"

test "one line, one language"
    > TAAL
    < Nu ZOM-* https://sms.example/l/*

test "every kind of link"
    > ALLES
    < https://sms.example/l/* https://sms.example/l/* https://sms.example/l/*

test "an address of the profile"
    given contact url = "https://p.example/jan"
    > PROFIEL
    < https://sms.example/l/*
    > LOS
    < https://sms.example/l/*

test "no address: what stands in for it, or no text"
    > PROFIEL
    < geen
    > LOS
    withheld link_without_address

test "what is no address of the web leads nowhere"
    given contact url = "javascript:alert(1)"
    > LOS
    withheld link_without_address
"""
    assert play(rules) == []


def test_without_codes_or_after_the_offer_a_text_has_its_words_for_that_or_none() -> None:
    rules = """\
voucher leeg from "codes.csv"
voucher oud "OUD-####" until 2026-01-05 12:00

keyword LEEG
    reply "Code: {voucher leeg}"

keyword ANDERS
    reply "Code: {voucher leeg|op}"

keyword OUD
    reply "Code: {voucher oud}"

keyword PAGINA
    reply "Zie {link voucher oud}"

keyword LEEGPAGINA
    reply "Zie {link voucher leeg}"

test "t"
    > LEEG
    withheld voucher_empty
    > ANDERS
    < Code: op
    > OUD
    withheld offer_expired
    > PAGINA
    withheld offer_expired
    > LEEGPAGINA
    withheld voucher_empty

test "before" at 2026-01-05 11:59
    > OUD
    < Code: OUD-*
"""
    assert play(rules) == []


def test_caps_count_promotional_texts_over_all_rules() -> None:
    rules = """\
on event actie
    send promotional "P: actie. STOP = uit."

on event order
    send transactional "P: order. STOP = uit."

test "t"
    given consent promotional
    given consent transactional
    event actie
    < P: actie. STOP = uit.
    event order
    < P: order. STOP = uit.
    event actie
    withheld frequency_cap
    event order
    < P: order. STOP = uit.
    later 1 day
    event actie
    < P: actie. STOP = uit.
    later 2 days
    event actie
    withheld frequency_cap
"""
    assert play(rules, "cap 1 per day, 2 per week") == []


def test_within_a_budget_promotional_texts_go_out() -> None:
    rules = """\
on event actie
    send promotional "P: actie. STOP = uit."

test "t"
    given consent promotional
    event actie
    < P: actie. STOP = uit.
"""
    assert play(rules, "budget EUR 10.00 per month") == []


def test_where_the_brands_and_the_markets_hours_leave_none_a_promotional_text_is_withheld() -> None:
    """The brand sends between 20:00 and 08:00, and in France nobody may then."""
    tip = 'keyword TIP\n    send promotional "Merk: een tip. STOP = uit"\n'
    rules = book(brand(tip, settings="    quiet 08:00..20:00\n"))
    phone = Phone(rules, contact=Contact(1, "33612345678"))
    phone.profiles["Merk"] = Profile("Merk", consents={"promotional": 1})
    assert phone.say("TIP") == ["(quiet_hours) Merk: een tip. STOP = uit"]
