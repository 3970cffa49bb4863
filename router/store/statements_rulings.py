"""The statements about which rule sets were told to rule, and what each node works by."""

from __future__ import annotations

from sqlalchemy import and_, bindparam, func, literal_column, or_, select

from router.store.sql import Insert, Statement
from router.store.tables import deployments
from router.store.tables_rulings import node_rules, rulings

insert_ruling = Insert(rulings, ("id", "deployment", "origin", "actor"), conflict=("id",))
keep_deployment = Insert(deployments, ("hash", "sources", "first_at", "last_at"), conflict=("hash",))
"""A rule set that is not in force yet; what is known of it stays."""
NODE_COLUMNS = ("node", "deployment", "files", "ruling_id", "fault", "at")
upsert_node_rules = Insert(node_rules, NODE_COLUMNS, conflict=("node",), update=NODE_COLUMNS[1:])
every_node_rules = Statement(select(*(node_rules.c[name] for name in NODE_COLUMNS)).order_by(node_rules.c.node))

_FOR_ALL = rulings.c.origin != literal_column("'files'")
_RULING = (rulings.c.id, rulings.c.deployment, rulings.c.origin, rulings.c.actor)
newest_for_all = Statement(
    select(*_RULING, deployments.c.sources)
    .select_from(rulings.join(deployments, deployments.c.hash == rulings.c.deployment))
    .where(_FOR_ALL, rulings.c.id > bindparam("after"))
    .order_by(rulings.c.id.desc())
    .limit(literal_column("1")),
    "after",
)
highest_ruling = Statement(select(func.coalesce(func.max(rulings.c.id), literal_column("0"))))
history = Statement(
    select(*_RULING)
    .where(or_(_FOR_ALL, and_(rulings.c.origin == literal_column("'files'"), rulings.c.actor == bindparam("node"))))
    .order_by(rulings.c.id.desc())
    .limit(bindparam("most")),
    "node",
    "most",
)
"""The rulings that a node knows of, newest first: those for all and those of its own files."""
deployments_like = Statement(
    select(deployments.c.hash, deployments.c.sources)
    .where(func.substr(deployments.c.hash, literal_column("1"), func.length(bindparam("start"))) == bindparam("start"))
    .order_by(deployments.c.hash)
    .limit(literal_column("2")),
    "start",
)
