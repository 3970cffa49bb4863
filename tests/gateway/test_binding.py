"""What an operator set reaches the wire and the rules."""

import ssl

from config.connectors import Addresses
from config.settings import Country, Digits, Limits, Number, Operator, Settings
from config.values import Address, Secret, TonNpi
from gateway.binding import bind_of, grants_of
from rules.rulebook import NumberGrant
from tests.support.fake_links import settings


def test_every_setting_of_the_bind_is_used() -> None:
    own = settings(
        host="one.example",
        port=2775,
        hosts=(Address("two.example", 2776),),
        password=Secret("geheim", "env:X"),
        system_type="VMA",
        interface_version=0x33,
        bind="pair",
        binds=3,
        window=7,
        connect_s=4.0,
        enquire_link_s=5.0,
        response_s=6.0,
        reconnect_least_s=1.5,
        reconnect_most_s=20.0,
        refused_least_s=11.0,
        refused_most_s=12.0,
        address_range="^44",
        addresses=Addresses(range=TonNpi(6, 1)),
    )
    bind = bind_of(own, Settings(connectors=(own,), limits=Limits(pdu_octets=2_000)))
    assert (bind.name, bind.system_id, bind.password, bind.system_type) == ("carrier", "kwek", "geheim", "VMA")
    assert bind.addresses == (("one.example", 2775), ("two.example", 2776))
    assert (bind.interface_version, bind.bind, bind.binds, bind.connect_s) == (0x33, "pair", 3, 4.0)
    assert (bind.addr_ton, bind.addr_npi, bind.address_range) == (6, 1, "^44")
    assert (bind.limits.window, bind.limits.max_pdu_octets, bind.limits.session_init_s) == (7, 2_000, 4.0)
    assert (bind.limits.enquire_link_s, bind.limits.enquire_answer_s, bind.limits.response_s) == (5.0, 6.0, 6.0)
    assert (bind.reconnect_least_s, bind.reconnect_most_s) == (1.5, 20.0)
    assert (bind.refused_least_s, bind.refused_most_s) == (11.0, 12.0)
    assert bind.tls is None


def test_tls_checks_the_certificate_and_the_name() -> None:
    own = settings(tls=True)
    context = bind_of(own, Settings(connectors=(own,))).tls
    assert context is not None
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_grants_are_the_numbers_with_their_brands() -> None:
    number = Number(
        number=Digits("4411"), kind="short-code", country=Country("NL"), brands=("Klusser", "Burger"), via="carrier"
    )
    grants = grants_of(Settings(numbers=(number,)))
    assert grants.numbers == (NumberGrant("4411", "short-code", "NL", ("Klusser", "Burger"), "carrier"),)
    assert grants.operator_text is None
    assert grants_of(Settings(operator=Operator(unknown="Wie bent u?"))).operator_text == "Wie bent u?"
