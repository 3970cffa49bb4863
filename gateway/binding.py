"""From the operator's settings to what the other folders take: binds for `smpp`, grants for `rules`."""

from __future__ import annotations

import ssl

from config.connectors import Connector
from config.settings import Settings
from gateway.witness import Habits
from router.instants import SECOND
from router.prices import Price, Prices
from rules.rulebook import Grants, NumberGrant
from smpp.client import BindSettings
from smpp.timers import Limits


def grants_of(settings: Settings) -> Grants:
    """Which brand may use which number, and what the operator says on his own behalf."""
    numbers = tuple(
        NumberGrant(n.number, n.kind, n.country, n.brands, n.via, n.countries, n.stop_days) for n in settings.numbers
    )
    return Grants(numbers, settings.operator.unknown or None)


def consent_secrets(settings: Settings) -> tuple[bytes, ...]:
    """The keys of suppressions, the newest first; none where the settings give none."""
    given = (settings.consent.key, settings.consent.old_key)
    return tuple(key.reveal().encode() for key in given if key.reveal())


def prices_of(settings: Settings) -> Prices:
    """The price table: what a segment costs, by connector and prefix."""
    return Prices(Price(one.connector, one.prefix, one.segment.amount, one.segment.currency) for one in settings.prices)


def redelivery_of(connector: Connector) -> int:
    """How long this centre may deliver again what it has no acknowledgement of, in microseconds."""
    return int(connector.redelivery_s * SECOND)


def habits_of(connector: Connector) -> Habits:
    """How this centre's side of a link behaves, for telling its re-deliveries apart."""
    return Habits(connector.peer_response_s, connector.reads_late_s, connector.fence_s)


def bind_of(connector: Connector, settings: Settings) -> BindSettings:
    """How one message centre is reached and bound to."""
    limits = Limits(
        window=connector.window,
        session_init_s=connector.connect_s,
        enquire_link_s=connector.enquire_link_s,
        enquire_answer_s=connector.response_s,
        response_s=connector.response_s,
        max_pdu_octets=settings.limits.pdu_octets,
    )
    addresses = ((connector.host, connector.port), *((other.host, other.port) for other in connector.hosts))
    return BindSettings(
        name=connector.name,
        addresses=addresses,
        system_id=connector.system_id,
        password=connector.password.reveal(),
        system_type=connector.system_type,
        interface_version=connector.interface_version,
        addr_ton=connector.addresses.range.ton,
        addr_npi=connector.addresses.range.npi,
        address_range=connector.address_range,
        bind=connector.bind,
        binds=connector.binds,
        limits=limits,
        connect_s=connector.connect_s,
        reconnect_least_s=connector.reconnect_least_s,
        reconnect_most_s=connector.reconnect_most_s,
        refused_least_s=connector.refused_least_s,
        refused_most_s=connector.refused_most_s,
        tls=ssl.create_default_context() if connector.tls else None,
    )
