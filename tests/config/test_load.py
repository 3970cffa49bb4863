"""What an operator is told about a kwek.toml: every text compared whole, with its place."""

from decimal import Decimal
from pathlib import Path

import pytest

from config.load import MOST_OCTETS, load, parse
from config.settings import Settings
from config.values import Address, Money, Refusals, TonNpi

FOLDER = Path("/etc/kwek")

CONNECTOR = """
[[connector]]
name = "a"
host = "smsc.example"
system_id = "kwek"
password = ""
"""

NUMBER = """
[[number]]
number = "4411"
kind = "short-code"
country = "NL"
brands = ["De Klusser"]
via = "a"
"""


def told(text: str, environ: dict[str, str] | None = None) -> str:
    """All problems of a text as the operator reads them; a text with an error has no settings."""
    loaded = parse(text, environ or {}, folder=FOLDER)
    assert (loaded.settings is None) == any(problem.severity == "error" for problem in loaded.problems)
    return "\n".join(str(problem) for problem in loaded.problems)


def good(text: str) -> Settings:
    """The settings of a text that has nothing wrong with it."""
    loaded = parse(text, {}, folder=FOLDER)
    assert loaded.problems == ()
    assert loaded.settings is not None
    return loaded.settings


def test_an_empty_file_is_the_defaults_with_paths_beside_it() -> None:
    settings = good("")
    assert settings.gateway.store.url == "sqlite:////etc/kwek/kwek.db"
    assert settings.gateway.rules == (FOLDER / "brands",)
    assert settings.gateway.listen == Address("127.0.0.1", 8080)
    assert settings.limits == Settings().limits
    assert settings.connectors == ()


def test_values_arrive_in_their_inside_form() -> None:
    settings = good(
        '[gateway]\nrules = ["a.rules", "/b"]\nstore = "sqlite:////var/k.db"\n'
        + CONNECTOR
        + 'rate = 5\nhosts = ["[::1]:2775"]\naddresses.short_code = "0/1"\nretry = { 0x0400 = "fail", 88 = "pause" }\n'
        + NUMBER.replace("4411", "+3197010281234").replace("short-code", "long-number")
    )
    assert settings.gateway.rules == (FOLDER / "a.rules", Path("/b"))
    assert settings.gateway.store.url == "sqlite:////var/k.db"
    connector = settings.connectors[0]
    assert connector.hosts == (Address("::1", 2775),)
    assert (connector.rate, type(connector.rate)) == (5.0, float)
    assert connector.addresses.short_code == TonNpi(0, 1)
    assert connector.addresses.phone == TonNpi(1, 1)
    assert connector.retry == Refusals(((0x400, "fail"), (0x58, "pause")))
    assert (connector.retry.get(0x58), connector.retry.get(0x14)) == ("pause", None)
    assert settings.numbers[0].number == "3197010281234"


def test_prices_and_the_zone_of_statistics() -> None:
    settings = good(
        CONNECTOR
        + '[[price]]\nconnector = "a"\nsegment = "EUR 0.10"\n'
        + '[[price]]\nconnector = "a"\nprefix = "+316"\nsegment = "EUR 0.0725"\n'
        + '[statistics]\nzone = "Europe/Amsterdam"\n'
    )
    assert [(price.prefix, price.segment) for price in settings.prices] == [
        ("", Money("EUR", Decimal("0.10"))),
        ("316", Money("EUR", Decimal("0.0725"))),
    ]
    assert (settings.statistics.zone, settings.statistics.opt_out_warning) == ("Europe/Amsterdam", 2.0)
    assert str(settings.prices[1].segment) == "EUR 0.0725"


PROBLEMS = {
    # prices
    CONNECTOR + '[[price]]\nconnector = "b"\nsegment = "EUR 0.1"\n': """\
kwek.toml:8:13: error: connector in [[price]] names 'b', which is not here
    connectors here: a""",
    '[[price]]\nconnector = "b"\nsegment = "EUR 0.1"\n': """\
kwek.toml:2:13: error: connector in [[price]] names 'b', which is not here
    there is no [[connector]] in this file""",
    CONNECTOR
    + '[[price]]\nconnector = "a"\nsegment = "EUR 0.1"\n[[price]]\nconnector = "a"\nsegment = "EUR 0.2"\n': """\
kwek.toml:10:1: error: two prices of 'a' for all numbers; the first stands in line 7
    keep one of them""",
    CONNECTOR + ('[[price]]\nconnector = "a"\nprefix = "31"\nsegment = "EUR 0.1"\n' * 2): """\
kwek.toml:11:1: error: two prices of 'a' for numbers that begin with 31; the first stands in line 7
    keep one of them""",
    CONNECTOR + '[[price]]\nconnector = "a"\nprefix = "+"\nsegment = "EUR 0,1"\n[[price]]\n': """\
kwek.toml:9:10: error: prefix in [[price]] must be the first digits of numbers, with the country's, not "+"
    for example "316", or "" for all others
kwek.toml:10:11: error: segment in [[price]] must be a currency and an amount, not "EUR 0,1"
    for example "EUR 0.0725"
kwek.toml:11:1: error: [[price]] lacks connector
    add, for example: connector = "carrier-a"
kwek.toml:11:1: error: [[price]] lacks segment
    add, for example: segment = "EUR 0.0725\"""",
    '[statistics]\nzone = "Mars/Phobos"\n': """\
kwek.toml:2:8: error: zone in [statistics] must be the name of a time zone, not "Mars/Phobos"
    for example "Europe/Amsterdam\"""",
    '[statistics]\nzone = "Europe"\n': """\
kwek.toml:2:8: error: zone in [statistics] must be the name of a time zone, not "Europe"
    for example "Europe/Amsterdam\"""",
    # what is not known
    '[gateway]\nstor = "x"\n': """\
kwek.toml:2:1: error: there is no setting 'stor' in [gateway]
    did you mean "store"?""",
    '[gatway]\nnode = "x"\n': """\
kwek.toml:1:1: error: there is no setting 'gatway' at the head of kwek.toml
    did you mean "gateway"?""",
    "[gateway]\nwindow = 5\n": """\
kwek.toml:2:1: error: there is no setting 'window' in [gateway]
    it belongs to [[connector]]""",
    "[smpp_server]\nlisten = '0.0.0.0:2775'\npdu_octets = 1\n": """\
kwek.toml:3:1: error: there is no setting 'pdu_octets' in [smpp_server]
    it belongs to [limits]""",
    "[operator]\nqqqq = 1\n": """\
kwek.toml:2:1: error: there is no setting 'qqqq' in [operator]
    known here: unknown""",
    'zzzz = "x"\n': """\
kwek.toml:1:1: error: there is no setting 'zzzz' at the head of kwek.toml
    known here: gateway, operator, consent, email, limits, number, connector, price, statistics, smpp_server, account, \
desk""",
    CONNECTOR + '\n[connector.addresses]\nshort_cod = "0/1"\n': """\
kwek.toml:9:1: error: there is no setting 'short_cod' in [connector.addresses]
    did you mean "short_code"?""",
    # the wrong shape
    "gateway = 5\n": """\
kwek.toml:1:1: error: gateway is one table, not a whole number
    write [gateway]""",
    "[[gateway]]\n": """\
kwek.toml:1:1: error: gateway is one table, not a list
    write [gateway]""",
    "[connector]\n": """\
kwek.toml:1:1: error: connector is a list of tables, not a table
    write [[connector]], with two brackets on each side""",
    'connector = ["a"]\n': """\
kwek.toml:1:1: error: connector is a list of tables, not a list
    write [[connector]], with two brackets on each side""",
    '[gateway]\nrules = "brands/"\n': """\
kwek.toml:2:9: error: rules in [gateway] must be a list, not a text
    for example: rules = ["brands"]""",
    "[gateway]\nrules = []\n": """\
kwek.toml:2:9: error: rules in [gateway] must hold at least one
    for example: rules = ["brands"]""",
    '[gateway]\nrules = ["a", 5, true]\n': """\
kwek.toml:2:15: error: rules in [gateway] must be a text, not a whole number
    for example: rules = ["brands"]
kwek.toml:2:18: error: rules in [gateway] must be a text, not true or false
    for example: rules = ["brands"]""",
    # the wrong type
    "[gateway]\nnode = 5\n": """\
kwek.toml:2:8: error: node in [gateway] must be a text, not a whole number
    for example: node = "ams-1\"""",
    CONNECTOR + 'window = "50"\n': """\
kwek.toml:7:10: error: window in [[connector]] must be a whole number, not a text
    for example: window = 50""",
    CONNECTOR + "window = true\n": """\
kwek.toml:7:10: error: window in [[connector]] must be a whole number, not true or false
    for example: window = 50""",
    CONNECTOR + "window = 5.0\n": """\
kwek.toml:7:10: error: window in [[connector]] must be a whole number, not a number
    for example: window = 50""",
    CONNECTOR + "rate = 2026-11-22\n": """\
kwek.toml:7:8: error: rate in [[connector]] must be a number, not a date or time
    for example: rate = 100.0""",
    CONNECTOR + "rate = nan\n": """\
kwek.toml:7:8: error: rate in [[connector]] must be a finite number
    for example: rate = 100.0""",
    CONNECTOR + 'tls = "yes"\n': """\
kwek.toml:7:7: error: tls in [[connector]] must be true or false, not a text
    for example: tls = false""",
    CONNECTOR + "host = {}\n".replace("host", "system_type"): """\
kwek.toml:7:15: error: system_type in [[connector]] must be a text, not a table
    for example: system_type = \"\"""",
    CONNECTOR + "retry = 5\n": """\
kwek.toml:7:9: error: retry in [[connector]] must be a table, not a whole number
    for example: retry = { 0x0400 = "fail", 0x0401 = "pause" }""",
    # out of bounds
    CONNECTOR + "window = 0\n": "kwek.toml:7:10: error: window in [[connector]] must be from 1 to 10000, not 0",
    CONNECTOR + "rate = -0.5\n": "kwek.toml:7:8: error: rate in [[connector]] must be from 0 to 100000, not -0.5",
    "[limits]\ninbound_octets = 1\n": (
        "kwek.toml:2:18: error: inbound_octets in [limits] must be at least 65536, not 1"
    ),
    '[gateway]\nnode = ""\n': "kwek.toml:2:8: error: node in [gateway] must not be empty",
    CONNECTOR.replace('"kwek"', '"a-name-of-16-chrs"'): (
        "kwek.toml:5:13: error: system_id in [[connector]] may have 15 characters at most, not 17"
    ),
    # one of a few
    CONNECTOR + 'bind = "tranceiver"\n': """\
kwek.toml:7:8: error: bind in [[connector]] must be "transceiver", "transmitter", "receiver" or "pair", not "tranceiver"
    did you mean "transceiver"?""",
    CONNECTOR + 'kind = "ucp"\n': 'kwek.toml:7:8: error: kind in [[connector]] must be "smpp", not "ucp"',
    CONNECTOR + "interface_version = 3\n": (
        "kwek.toml:7:21: error: interface_version in [[connector]] must be 0x33, 0x34 or 0x50, not 0x03"
    ),
    CONNECTOR + "bind = [1]\n": (
        "kwek.toml:7:8: error: bind in [[connector]] must be "
        '"transceiver", "transmitter", "receiver" or "pair", not a list'
    ),
    CONNECTOR + '[connector.retry]\n0x58 = "later"\n': (
        'kwek.toml:7:1: error: retry in [[connector]] must be "retry", "pause" or "fail", not "later"'
    ),
    CONNECTOR + 'retry.THROTTLED = "pause"\n': """\
kwek.toml:7:1: error: retry in [[connector]] has "THROTTLED", which is no command_status
    for example 0x0400 or 1024""",
    # addresses, numbers, networks, webs
    '[gateway]\nlisten = "localhost"\n': """\
kwek.toml:2:10: error: listen in [gateway] must be a host and a port, not "localhost"
    for example "127.0.0.1:8080\"""",
    '[gateway]\nlisten = "127.0.0.1:99999"\n': """\
kwek.toml:2:10: error: listen in [gateway] must be a host and a port, not "127.0.0.1:99999"
    for example "127.0.0.1:8080\"""",
    '[gateway]\nlisten = "127.0.0.300:80"\n': """\
kwek.toml:2:10: error: listen in [gateway] must be a host and a port, not "127.0.0.300:80"
    for example "127.0.0.1:8080\"""",
    CONNECTOR.replace("smsc.example", "smsc..example"): """\
kwek.toml:4:8: error: host in [[connector]] must be a host name or an IP address, not "smsc..example"
    for example "smsc.example" or "192.0.2.1"; a port is a setting of its own""",
    CONNECTOR + 'hosts = ["smsc..example:2775"]\n': """\
kwek.toml:7:10: error: hosts in [[connector]] must be a host and a port, not "smsc..example:2775"
    for example "127.0.0.1:8080\"""",
    '[gateway]\nurl = "sms.example"\n': """\
kwek.toml:2:7: error: url in [gateway] must be a web address, not "sms.example"
    for example "https://sms.example\"""",
    '[gateway]\nurl = "http://[x"\n': """\
kwek.toml:2:7: error: url in [gateway] must be a web address, not "http://[x"
    for example "https://sms.example\"""",
    '[gateway]\nurl = "https://me:hush@sms.example"\n': """\
kwek.toml:2:7: error: url in [gateway] must not hold a user or a password
    for example "https://sms.example\"""",
    CONNECTOR + NUMBER.replace("4411", "44-11"): """\
kwek.toml:9:10: error: number in [[number]] must be 3 to 15 digits, with or without a plus, not "44-11"
    for example "4411" or "+3197010281234\"""",
    CONNECTOR + NUMBER.replace("NL", "nl\\n"): """\
kwek.toml:11:11: error: country in [[number]] must be two capital letters, not "nl\\u000a"
    for example "NL\"""",
    CONNECTOR + 'addresses = { phone = "1" }\n': """\
kwek.toml:7:23: error: phone in [connector.addresses] must be type of number and numbering plan, not "1"
    for example "5/0" or "1/1\"""",
    CONNECTOR + 'addresses.phone = "1/256"\n': """\
kwek.toml:7:19: error: phone in [connector.addresses] must be type of number and numbering plan, not "1/256"
    for example "5/0" or "1/1\"""",
    # the store and Redis
    '[gateway]\nstore = "kwek.db"\n': """\
kwek.toml:2:9: error: store in [gateway] must be the address of a database, not "kwek.db"
    for example "sqlite:///kwek.db" or "postgresql://kwek@db/kwek\"""",
    '[gateway]\nstore = "sqlite://"\n': """\
kwek.toml:2:9: error: store in [gateway] must name a file: a database in memory would lose what was acknowledged
    for example "sqlite:///kwek.db" or "postgresql://kwek@db/kwek\"""",
    '[gateway]\nstore = "sqlite://kwek.db"\n': """\
kwek.toml:2:9: error: store in [gateway] needs three slashes before the file: "sqlite:///kwek.db"
    for example "sqlite:///kwek.db" or "postgresql://kwek@db/kwek\"""",
    '[gateway]\nstore = "mysql://kwek@db/kwek"\n': """\
kwek.toml:2:9: error: store in [gateway] must be SQLite or PostgreSQL, not "mysql"
    for example "sqlite:///kwek.db" or "postgresql://kwek@db/kwek\"""",
    '[gateway]\nredis = "http://127.0.0.1"\n': """\
kwek.toml:2:9: error: redis in [gateway] must begin with redis://, rediss:// or unix://
    for example "redis://127.0.0.1:6379\"""",
    # what a table must have
    "[[connector]]\nname = 'a'\npassword = ''\n": """\
kwek.toml:1:1: error: [[connector]] lacks host
    add, for example: host = "smsc.example"
kwek.toml:1:1: error: [[connector]] lacks system_id
    add, for example: system_id = "kwek\"""",
    "[smpp_server]\n": """\
kwek.toml:1:1: error: [smpp_server] lacks listen
    add, for example: listen = "0.0.0.0:2775\"""",
    # what must agree
    CONNECTOR + CONNECTOR: """\
kwek.toml:9:8: error: two connectors are called 'a'; the first stands in line 3
    keep one of them""",
    CONNECTOR + NUMBER + NUMBER.replace('"4411"', '"+4411"'): """\
kwek.toml:16:10: error: two numbers are '4411'; the first stands in line 9
    keep one of them""",
    CONNECTOR.replace('"a"', '"carrier-a"') + NUMBER.replace('"a"', '"carier-a"'): """\
kwek.toml:13:7: error: via in [[number]] names the connector 'carier-a', which is not here
    did you mean "carrier-a"?""",
    CONNECTOR.replace('"a"', '"blue"') + NUMBER: """\
kwek.toml:13:7: error: via in [[number]] names the connector 'a', which is not here
    connectors here: blue""",
    NUMBER: """\
kwek.toml:7:7: error: via in [[number]] names the connector 'a', which is not here
    there is no [[connector]] with a name in this file""",
    CONNECTOR + "reconnect_least_s = 90\n": (
        "kwek.toml:7:21: error: reconnect_least_s in [[connector]] is 90.0, more than reconnect_most_s, which is 60.0"
    ),
    CONNECTOR
    + "group = 'carrier'\nfence_s = 0.5\n"
    + CONNECTOR.replace('"a"', '"b"')
    + "group = 'carrier'\nfence_s = 0.5\nredelivery_s = 60\n"
    + CONNECTOR.replace('"a"', '"carrier"'): """\
kwek.toml:17:16: error: redelivery_s in [[connector]] is 60.0, and 3600.0 for another of the group 'carrier' (line 2)
    give both the same, or each a group of its own
kwek.toml:19:1: error: fence_s in [[connector]] is 0.02, and 0.5 for another of the group 'carrier' (line 2)
    give both the same, or each a group of its own""",
    CONNECTOR + "reads_late_s = 'x'\ngroup = 'g'\n" + CONNECTOR.replace('"a"', '"b"') + "group = 'g'\n": """\
kwek.toml:7:16: error: reads_late_s in [[connector]] must be a number, not a text
    for example: reads_late_s = 0.0""",
    "[smpp_server]\nlisten = '127.0.0.1:8080'\n": """\
kwek.toml:1:1: warning: [smpp_server] is understood, but nothing in this version uses it
kwek.toml:2:10: error: [gateway] and [smpp_server] both listen on 127.0.0.1:8080
    give each its own port""",
    # several at once, in the order of the file; what hangs on a faulty value is not told twice
    "[gateway]\nnode = 1\nlisten = 2\n"
    + CONNECTOR.replace('"a"', "5")
    + NUMBER.replace("via", "vai")
    + "[smpp_server]\nlisten = 1\n": """\
kwek.toml:2:8: error: node in [gateway] must be a text, not a whole number
    for example: node = "ams-1"
kwek.toml:3:10: error: listen in [gateway] must be a text, not a whole number
    for example: listen = "127.0.0.1:8080"
kwek.toml:6:8: error: name in [[connector]] must be a text, not a whole number
    for example: name = "carrier-a"
kwek.toml:11:1: error: [[number]] lacks via
    add, for example: via = "carrier-a"
kwek.toml:16:1: error: there is no setting 'vai' in [[number]]
    did you mean "via"?
kwek.toml:18:10: error: listen in [smpp_server] must be a text, not a whole number
    for example: listen = "0.0.0.0:2775\"""",
    # TOML itself
    "[gateway]\nnode = ams\n": """\
kwek.toml:2:8: error: this is not TOML: Invalid value
    a text stands in double quotes: host = "smsc.example\"""",
    "[gateway]\nnode\n": """\
kwek.toml:2:5: error: this is not TOML: Expected '=' after a key in a key/value pair
    a setting is a name, an equals sign and a value: port = 2775""",
    "[gateway]\nlimit = [1, \n": """\
kwek.toml:2:1: error: this is not TOML: Invalid value
    the file ends inside something: a quote, a bracket or a brace is not closed""",
}


LABEL = "a" * 63


@pytest.mark.parametrize(
    "host",
    ["smsc.example.", "smsc_1", "müller.example", f"{LABEL}.example", "192.0.2.1", "2001:db8::1", "fe80::1%eth0"],
)
def test_hosts_that_somebody_can_be_asked_for(host: str) -> None:
    assert good(CONNECTOR.replace("smsc.example", host) + NUMBER).connectors[0].host == host


@pytest.mark.parametrize(
    "host",
    ["", ".", "smsc..example", ".example", f"{LABEL}a.example", ".".join([LABEL] * 4), "192.0.2.300", "[::1]",
     "smsc.example:2775", "https://smsc.example", "smsc example", "smsc\\u0000.example"],
)  # fmt: skip
def test_hosts_that_nobody_can_be_asked_for(host: str) -> None:
    """Looking some of them up is no error of the network, so the gateway would not know what to make of it."""
    assert "kwek.toml:4:8: error: host in [[connector]] must " in told(CONNECTOR.replace("smsc.example", host) + NUMBER)


def test_a_mail_server_goes_with_a_sender() -> None:
    assert "host in [email] must be a host name or an IP address" in told('[email]\nhost = "mail..example"\n')
    assert good('[email]\nhost = ""\n').email.host == ""
    assert "[email] names a mail server and no sender" in told('[email]\nhost = "mail.example"\n')
    loaded = parse('[email]\nhost = "mail.example"\nsender = "noreply@klusser.example"\n' + CONNECTOR + NUMBER, {})
    assert loaded.settings is not None
    assert (loaded.settings.email.host, loaded.settings.email.port) == ("mail.example", 587)


@pytest.mark.parametrize(
    "sender", ["foo", "Klusser <a@b.example>", "é@b.example", "a@é.example", "a b@c.example", "a@b@c", "a@", "a@[b.nl"]
)
def test_a_sender_is_an_address_alone(sender: str) -> None:
    assert told(f'[email]\nhost = "mail.example"\nsender = "{sender}"\n') == (
        f'kwek.toml:3:10: error: sender in [email] must be an e-mail address alone, in ASCII, not "{sender}"\n'
        '    for example "noreply@klusser.example"; a name for it is not wanted: the brand\'s is shown'
    )


@pytest.mark.parametrize("sender", ["noreply@localhost", "a.b+c=d@x-1.example"])
def test_senders_that_mail_servers_take(sender: str) -> None:
    assert good(f'[email]\nhost = "mail.example"\nsender = "{sender}"\n').email.sender == sender


MAIL = '[email]\nhost = "mail.example"\nsender = "a@b.example"\n'


def test_whoever_logs_in_at_a_mail_server_has_a_password_that_is_not_heard() -> None:
    assert told(MAIL + 'user = "kwek"\n') == (
        'kwek.toml:1:1: error: [email] names a user and no password\n    write password = "env:NAME" or "file:PATH"'
    )
    named = MAIL + 'user = "kwek"\npassword = "env:PASSWORD"\n'
    assert told(named, {"PASSWORD": "x"}) == ""
    assert told(named + 'security = "none"\n', {"PASSWORD": "x"}) == (
        "kwek.toml:4:8: warning: user in [email] logs in over a connection that is not encrypted: "
        "the password can be heard\n"
        '    write security = "starttls"'
    )


@pytest.mark.parametrize(("text", "expected"), PROBLEMS.items())
def test_problems(text: str, expected: str) -> None:
    assert told(text) == expected


ACCOUNT = '[[account]]\nsystem_id = "b"\npassword_hash = "$argon2id$v=19"\nsources = ["4411"]\nallow = ["10.0.0.0/8"]\n'


def test_what_waits_is_understood_and_said() -> None:
    waiting = '[gateway]\nredis = "redis://127.0.0.1"\nurl = "https://sms.example/"\n'
    text = ACCOUNT + waiting + CONNECTOR + 'message_ids = "same"\n'
    loaded = parse(text, {})
    assert loaded.settings is not None
    assert loaded.settings.accounts[0].allow == ("10.0.0.0/8",)
    assert loaded.settings.gateway.redis == "redis://127.0.0.1"
    assert loaded.settings.gateway.url == "https://sms.example"
    assert told(text) == (
        "kwek.toml:1:1: warning: [[account]] is understood, but nothing in this version uses it\n"
        "kwek.toml:7:1: warning: redis in [gateway] is understood, but nothing in this version uses it"
    )


def test_what_waits_may_say_what_is_so_anyway() -> None:
    assert told('[gateway]\nredis = ""\n' + CONNECTOR + 'message_ids = "learn"\n') == ""


def test_an_account_has_a_hash_and_comes_from_networks() -> None:
    text = ACCOUNT.replace("$argon2id$v=19", "hush").replace("10.0.0.0/8", "10.0.0.1/8")
    assert told(text) == (
        "kwek.toml:3:17: error: password_hash in [[account]] must be an argon2id hash, which begins with $argon2id$; "
        "a password may not stand in this file\n"
        'kwek.toml:5:10: error: allow in [[account]] must be a network or an IP address, not "10.0.0.1/8"\n'
        '    for example "10.0.0.0/8"'
    )


def test_names_of_accounts_and_desks_are_taken_once() -> None:
    desk = '[[desk]]\nname = "z"\nkind = "zammad"\nurl = "https://desk.example"\ntoken = "env:T"\n'
    messages = [p.message for p in parse(ACCOUNT * 2 + desk * 2, {"T": "x"}).problems if p.severity == "error"]
    assert messages == [
        "two accounts are called 'b'; the first stands in line 2",
        "two desks are called 'z'; the first stands in line 12",
    ]


def test_a_number_too_long_for_python_and_lists_too_deep_are_problems_too() -> None:
    assert told("a = " + "1" * 5_000).startswith("kwek.toml:1:1: error: this is not TOML: Exceeds the limit")
    assert told("\na = " + "[" * 100_000).startswith("kwek.toml:2:1: error: this is not TOML: ")


class TestFile:
    def test_a_good_file(self, tmp_path: Path) -> None:
        path = tmp_path / "kwek.toml"
        path.write_text('[gateway]\nnode = "x"\n', encoding="utf-8")
        loaded = load(path, {})
        assert loaded.problems == ()
        assert loaded.settings is not None
        assert loaded.settings.gateway.rules == (tmp_path / "brands",)

    def test_none(self, tmp_path: Path) -> None:
        path = tmp_path / "kwek.toml"
        assert [str(p) for p in load(path, {}).problems] == [
            f"{path}: error: there is no such file\n    `kwek config > kwek.toml` makes one"
        ]

    def test_a_folder(self, tmp_path: Path) -> None:
        assert [str(p) for p in load(tmp_path, {}).problems] == [
            f"{tmp_path}: error: it cannot be read: Is a directory"
        ]

    def test_latin_1(self, tmp_path: Path) -> None:
        path = tmp_path / "kwek.toml"
        path.write_bytes(b"[gateway]\nnode = 'K\xf6ln'\n")
        assert [str(p) for p in load(path, {}).problems] == [
            f"{path}:2:10: error: this is not UTF-8\n    save it as UTF-8 in your editor"
        ]

    def test_something_else(self, tmp_path: Path) -> None:
        path = tmp_path / "kwek.db"
        path.write_bytes(bytes(MOST_OCTETS + 1))
        assert [str(p) for p in load(path, {}).problems] == [
            f"{path}: error: it has more than 4194304 octets: is this a kwek.toml?"
        ]
