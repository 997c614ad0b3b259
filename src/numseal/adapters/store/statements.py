"""Every statement the engines run, built from the schema with SQLAlchemy Core and compiled once for a dialect.

Parameters are positional, in the order of the text. No connection is opened here.
"""

from collections.abc import Callable
from typing import Any, Protocol

from sqlalchemy import (
    Dialect,
    Select,
    Table,
    bindparam,
    case,
    delete,
    exists,
    func,
    literal_column,
    select,
    union_all,
    update,
)
from sqlalchemy.sql.elements import BindParameter, ColumnElement

from numseal.adapters.store.schema import (
    AGREEMENT,
    ATTESTATION,
    AUDIT_EVENT,
    BINDING,
    BINDING_BODY,
    BUDGET,
    CHANGE,
    HEAD,
    IS_LIVE,
    LEAF,
    POLICY,
    REQUEST,
    SIGHTING,
    STREAM,
    SUBJECT,
    TILE,
    VERIFICATION,
)

PURGE_ROWS = 500
"""The most rows of a table that one batch purges."""

BATCHED = (64, 8, 1)
"""How many rows the bulk loads ask for at a time; a load is cut into such pieces, so that few texts are prepared."""


Parameter = BindParameter[Any]


class Insert(Protocol):
    """A dialect's `insert`, which knows ON CONFLICT."""

    def __call__(self, table: Table) -> Any:
        """Begin an INSERT into a table."""


class Statements:
    """SQL texts for one dialect."""

    def __init__(self, dialect: Dialect, insert: Insert) -> None:  # noqa: PLR0915 - a list, not a procedure
        """Compile all statements."""

        def sql(statement: Any) -> str:
            # SQLite's compiler adds an offset of 0 to every limit, as a parameter; none is ever wanted here.
            return str(statement.compile(dialect=dialect)).replace(" OFFSET ?", "")

        def upsert(table: Table, *changing: str) -> str:
            statement = insert(table)
            changed = {name: statement.excluded[name] for name in changing}
            return sql(statement.on_conflict_do_update(index_elements=table.primary_key, set_=changed))

        def many(make: Callable[[ColumnElement[bool]], Select[Any]], key: Any) -> dict[int, str]:
            return {count: sql(make(key.in_([bindparam(f"key_{n}") for n in range(count)]))) for count in BATCHED}

        v, r, s, b, bb = (table.c for table in (VERIFICATION, REQUEST, SUBJECT, BINDING, BINDING_BODY))
        a, h, leaf, tile, c, sight = (table.c for table in (ATTESTATION, HEAD, LEAF, TILE, CHANGE, SIGHTING))
        head = (
            h.origin, h.size, h.root, h.frontier, h.time, h.batch_id, h.key_check, h.change_sequence, h.purged_sequence
        )  # fmt: skip
        one: Parameter = bindparam("key")
        limit: Parameter = bindparam("limit")
        only = h.id == literal_column("1")

        self.head = sql(select(*head).where(only))
        self.update_head = sql(
            update(HEAD).values({column.name: bindparam(f"new_{column.name}") for column in head}).where(only)
        )
        self.raise_fence = sql(update(HEAD).values(fence=h.fence + literal_column("1")).where(only))

        # Bulk loads of a batch
        self.load_verifications = many(
            lambda found: (
                select(v.verification_id, v.subject_ref, v.body, s.wrapped_key)
                .join_from(VERIFICATION, SUBJECT, s.ref == v.subject_ref)
                .where(found)
            ),
            v.verification_id,
        )
        self.load_bindings = many(
            lambda found: (
                select(b.binding_id, b.subject_ref, bb.body, s.wrapped_key)
                .join_from(BINDING, BINDING_BODY, bb.binding_id == b.binding_id)
                .join(SUBJECT, s.ref == b.subject_ref)
                .where(found)
            ),
            b.binding_id,
        )
        self.load_subjects = many(
            lambda found: (
                select(s.ref, s.wrapped_key, b.binding_id, bb.body)
                .select_from(SUBJECT)
                .outerjoin(BINDING, (b.subject_ref == s.ref) & IS_LIVE)
                .outerjoin(BINDING_BODY, bb.binding_id == b.binding_id)
                .where(found)
            ),
            s.ref,
        )
        self.load_requests = many(
            lambda found: select(r.ref, r.body).where(found).where(r.purge_time > bindparam("now")), r.ref
        )
        self.load_budgets = many(lambda found: select(BUDGET.c.ref, BUDGET.c.count).where(found), BUDGET.c.ref)
        self.load_sightings = many(lambda found: select(sight.ref).where(found), sight.ref)
        self.load_watches = many(
            lambda found: (
                select(b.watch_ref, b.binding_id, b.subject_ref, bb.body, s.wrapped_key)
                .join_from(BINDING, BINDING_BODY, bb.binding_id == b.binding_id)
                .join(SUBJECT, s.ref == b.subject_ref)
                .where(found, IS_LIVE)
                .order_by(b.binding_id)
            ),
            b.watch_ref,
        )
        self.load_agreements = many(lambda found: select(AGREEMENT).where(found), AGREEMENT.c.agreement_id)
        audit = AUDIT_EVENT.c
        self.audit_tail = sql(
            select(audit.sequence, audit.chain_hash).order_by(audit.sequence.desc()).limit(literal_column("1"))
        )
        self.load_streams = many(lambda found: select(STREAM).where(found), STREAM.c.operator_id)

        # Flush
        self.insert_subject = sql(insert(SUBJECT))
        self.upsert_verification = upsert(VERIFICATION, "purge_time", "body")
        self.upsert_request = upsert(REQUEST, "verification_id", "purge_time", "body")
        self.upsert_binding = upsert(
            BINDING,
            "state",
            "level",
            "verified_time",
            "observed_time",
            "expire_time",
            "contested_time",
            "reverify_by",
            "operator_id",
            "watch_ref",
            "recheck_time",
        )
        self.upsert_binding_body = upsert(BINDING_BODY, "body")
        self.insert_change = sql(insert(CHANGE))
        self.upsert_budget = upsert(BUDGET, "count")
        self.insert_sighting = sql(insert(SIGHTING))
        self.upsert_stream = upsert(STREAM, "cursor")
        self.upsert_agreement = upsert(AGREEMENT, "body")
        self.insert_audit_event = sql(insert(AUDIT_EVENT))
        self.keep_policy = sql(insert(POLICY).on_conflict_do_nothing())
        self.insert_attestation = sql(insert(ATTESTATION))
        self.insert_leaf = sql(insert(LEAF))
        self.insert_tile = sql(insert(TILE))
        self.update_signature = sql(
            update(ATTESTATION).values(signature=bindparam("new_signature")).where(a.jti == one, a.signature.is_(None))
        )

        # Purge: (time, limit) each, and changes up to a sequence; subjects left without any row go with their last one
        purged = (
            select(v.verification_id).where(v.purge_time <= one).order_by(v.purge_time).limit(limit)
        ).scalar_subquery()
        self.purged_subjects = sql(select(v.subject_ref).where(v.purge_time <= one).order_by(v.purge_time).limit(limit))
        self.purge_verifications = sql(delete(VERIFICATION).where(v.verification_id.in_(purged)))
        self.purge_subject = sql(
            delete(SUBJECT).where(
                s.ref == one,
                ~exists().where(v.subject_ref == s.ref),
                ~exists().where(b.subject_ref == s.ref),
                ~exists().where(c.subject_ref == s.ref),
            )
        )
        # Changes are written in the order of their times: only the oldest need be looked at.
        oldest = select(c.sequence, c.purge_time).order_by(c.sequence).limit(limit).subquery()
        self.expired_change = sql(select(func.max(oldest.c.sequence)).where(oldest.c.purge_time <= one))
        self.purged_change_subjects = sql(select(c.subject_ref).where(c.sequence <= one))
        self.purge_changes = sql(delete(CHANGE).where(c.sequence <= one))
        self.purge_requests = sql(
            delete(REQUEST).where(r.ref.in_(select(r.ref).where(r.purge_time <= one).limit(limit).scalar_subquery()))
        )
        self.purge_budgets = sql(
            delete(BUDGET).where(
                BUDGET.c.ref.in_(select(BUDGET.c.ref).where(BUDGET.c.end_time <= one).limit(limit).scalar_subquery())
            )
        )
        self.purge_sightings = sql(
            delete(SIGHTING).where(
                sight.ref.in_(select(sight.ref).where(sight.end_time <= one).limit(limit).scalar_subquery())
            )
        )
        self.any_expired = sql(
            union_all(
                select(v.purge_time).where(v.purge_time <= bindparam("at_1")),
                select(r.purge_time).where(r.purge_time <= bindparam("at_2")),
                select(BUDGET.c.end_time).where(BUDGET.c.end_time <= bindparam("at_3")),
                select(sight.end_time).where(sight.end_time <= bindparam("at_4")),
            ).limit(limit)
        )

        # Reads
        self.verification = sql(
            select(v.verification_id, v.body, s.wrapped_key, s.ref)
            .join_from(VERIFICATION, SUBJECT, s.ref == v.subject_ref)
            .where(v.verification_id == one)
        )
        whole = (
            select(b.binding_id, bb.body, s.wrapped_key, s.ref)
            .join_from(BINDING, BINDING_BODY, bb.binding_id == b.binding_id)
            .join(SUBJECT, s.ref == b.subject_ref)
        )
        self.binding = sql(whole.where(b.binding_id == one))
        paged = whole.order_by(b.binding_id).limit(limit)
        self.account_bindings = sql(paged.where(b.account_ref == one, b.binding_id > bindparam("after")))
        self.party_bindings = sql(paged.where(b.relying_party == one, b.binding_id > bindparam("after")))
        self.due_bindings = sql(
            whole.where(b.recheck_time <= one, IS_LIVE).order_by(b.recheck_time, b.binding_id).limit(limit)
        )
        self.operator_bindings = sql(paged.where(b.operator_id == one, b.binding_id > bindparam("after"), IS_LIVE))
        self.changes = sql(
            select(c.sequence, c.kind, c.body, c.commit_time, s.wrapped_key, s.ref)
            .join_from(CHANGE, SUBJECT, s.ref == c.subject_ref)
            .where(c.relying_party == one, c.sequence > bindparam("after"))
            .order_by(c.sequence)
            .limit(limit)
        )
        self.cursor = sql(select(STREAM.c.cursor).where(STREAM.c.operator_id == one))
        self.agreements = sql(select(AGREEMENT).order_by(AGREEMENT.c.agreement_id))
        trail = (
            select(AUDIT_EVENT)
            .where(
                audit.sequence < bindparam("before"),
                audit.event_time >= bindparam("start"),
                audit.event_time < bindparam("end"),
            )
            .order_by(audit.sequence.desc())
            .limit(limit)
        )
        self.audit_events = sql(trail)
        self.audit_events_of = sql(trail.where(audit.resource == bindparam("resource")))
        self.policies = sql(select(POLICY).order_by(POLICY.c.digest))
        self.account = sql(
            select(
                b.binding_id,
                b.subject_ref,
                b.state,
                b.level,
                b.verified_time,
                b.observed_time,
                b.expire_time,
                b.contested_time,
                b.reverify_by,
                case((b.watch_ref.is_(None), literal_column("''")), else_=b.operator_id),
            ).where(b.account_ref == one)
        )
        self.holder = sql(select(b.account_ref).where(b.subject_ref == one, IS_LIVE))
        self.attestation = sql(
            select(
                a.binding_id,
                a.verification_id,
                a.relying_party,
                a.key_id,
                a.leaf_index,
                a.signing_input,
                a.signature,
                a.body,
                s.wrapped_key,
                s.ref,
            )
            .join_from(ATTESTATION, SUBJECT, s.ref == a.subject_ref)
            .where(a.jti == one)
        )

        # The log
        start: Parameter = bindparam("start")
        end: Parameter = bindparam("end")
        level: Parameter = bindparam("level")
        self.leaf_hashes = sql(select(leaf.hash).where(leaf.idx >= start, leaf.idx < end).order_by(leaf.idx))
        self.entries = sql(select(leaf.entry).where(leaf.idx >= start, leaf.idx < end).order_by(leaf.idx))
        self.tile_roots = sql(
            select(tile.root).where(tile.level == level, tile.idx >= start, tile.idx < end).order_by(tile.idx)
        )
        self.tile = sql(select(tile.data).where(tile.level == level, tile.idx == start))
        self.find_leaf = sql(select(func.min(leaf.idx)).where(leaf.hash == one))
