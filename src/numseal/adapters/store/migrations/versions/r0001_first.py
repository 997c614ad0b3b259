"""The first schema, with the head of the empty tree."""

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_LIVE = sa.text("state IN ('ACTIVE', 'SUSPENDED')")
_WATCHED = sa.text("state IN ('ACTIVE', 'SUSPENDED') AND watch_ref IS NOT NULL")


def upgrade() -> None:
    """Make all tables."""
    _log()
    _subjects()
    _bindings()
    op.create_table(
        "budget",
        sa.Column("ref", sa.LargeBinary, primary_key=True),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("end_time", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("budget_by_end_time", "budget", ["end_time"])
    op.create_table(
        "sighting",
        sa.Column("ref", sa.LargeBinary, primary_key=True),
        sa.Column("end_time", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("sighting_by_end_time", "sighting", ["end_time"])
    _followed()
    _administered()
    op.create_table(
        "policy",
        sa.Column("digest", sa.String, primary_key=True),
        sa.Column("document", sa.String, nullable=False),
    )


def _log() -> None:
    head = op.create_table(
        "head",
        sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("origin", sa.String, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("root", sa.LargeBinary, nullable=False),
        sa.Column("frontier", sa.LargeBinary, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("batch_id", sa.String, nullable=False),
        sa.Column("key_check", sa.LargeBinary, nullable=False),
        sa.Column("change_sequence", sa.BigInteger, nullable=False),
        sa.Column("purged_sequence", sa.BigInteger, nullable=False),
        sa.Column("fence", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "leaf",
        sa.Column("idx", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
        sa.Column("entry", sa.LargeBinary, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
    )
    op.create_index("leaf_by_hash", "leaf", ["hash"])
    op.create_table(
        "tile",
        sa.Column("level", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("idx", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("root", sa.LargeBinary, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    empty = {
        "id": 1,
        "origin": "",
        "size": 0,
        "root": hashlib.sha256(b"").digest(),
        "frontier": b"",
        "time": 0,
        "batch_id": "",
        "key_check": b"",
        "change_sequence": 0,
        "purged_sequence": 0,
        "fence": 0,
    }
    op.bulk_insert(head, [empty])


def _subjects() -> None:
    op.create_table(
        "subject",
        sa.Column("ref", sa.LargeBinary, primary_key=True),
        sa.Column("relying_party", sa.String, nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary, nullable=False),
        sa.Column("sealed_number", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "verification",
        sa.Column("verification_id", sa.String, primary_key=True),
        sa.Column("subject_ref", sa.LargeBinary, sa.ForeignKey("subject.ref"), nullable=False),
        sa.Column("purge_time", sa.BigInteger, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_index("verification_by_subject", "verification", ["subject_ref"])
    op.create_index("verification_by_purge_time", "verification", ["purge_time"])
    op.create_table(
        "request",
        sa.Column("ref", sa.LargeBinary, primary_key=True),
        sa.Column("verification_id", sa.String, nullable=False),
        sa.Column("purge_time", sa.BigInteger, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("request_by_purge_time", "request", ["purge_time"])


def _bindings() -> None:
    op.create_table(
        "binding",
        sa.Column("binding_id", sa.String, primary_key=True),
        sa.Column("relying_party", sa.String, nullable=False),
        sa.Column("account_ref", sa.LargeBinary, nullable=False),
        sa.Column("subject_ref", sa.LargeBinary, sa.ForeignKey("subject.ref"), nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("level", sa.SmallInteger, nullable=False),
        sa.Column("verified_time", sa.BigInteger, nullable=False),
        sa.Column("observed_time", sa.BigInteger, nullable=False),
        sa.Column("expire_time", sa.BigInteger, nullable=False),
        sa.Column("contested_time", sa.BigInteger),
        sa.Column("reverify_by", sa.BigInteger),
        sa.Column("operator_id", sa.String, nullable=False),
        sa.Column("watch_ref", sa.LargeBinary),
        sa.Column("recheck_time", sa.BigInteger, nullable=False),
    )
    op.create_index("binding_by_account", "binding", ["account_ref", "binding_id"])
    op.create_index("binding_by_relying_party", "binding", ["relying_party", "binding_id"])
    op.create_index("binding_by_subject", "binding", ["subject_ref"])
    op.create_index("live_binding", "binding", ["subject_ref"], unique=True, sqlite_where=_LIVE, postgresql_where=_LIVE)
    for name, columns, where in (
        ("live_binding_by_recheck_time", ["recheck_time", "binding_id"], _LIVE),
        ("live_binding_by_operator", ["operator_id", "binding_id"], _LIVE),
        ("live_binding_by_watch", ["watch_ref"], _WATCHED),
    ):
        op.create_index(name, "binding", columns, sqlite_where=where, postgresql_where=where)
    op.create_table(
        "binding_body",
        sa.Column("binding_id", sa.String, sa.ForeignKey("binding.binding_id"), primary_key=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "attestation",
        sa.Column("jti", sa.String, primary_key=True),
        sa.Column("binding_id", sa.String, nullable=False),
        sa.Column("verification_id", sa.String, nullable=False),
        sa.Column("relying_party", sa.String, nullable=False),
        sa.Column("subject_ref", sa.LargeBinary, nullable=False),
        sa.Column("key_id", sa.String, nullable=False),
        sa.Column("leaf_index", sa.BigInteger, nullable=False),
        sa.Column("signing_input", sa.LargeBinary, nullable=False),
        sa.Column("signature", sa.LargeBinary),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )


def _administered() -> None:
    op.create_table(
        "agreement",
        sa.Column("agreement_id", sa.String, primary_key=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "audit_event",
        sa.Column(
            "sequence", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False
        ),
        sa.Column("event_time", sa.BigInteger, nullable=False),
        sa.Column("administrator_id", sa.String, nullable=False),
        sa.Column("action", sa.String, nullable=False),
        sa.Column("resource", sa.String, nullable=False),
        sa.Column("detail", sa.String, nullable=False),
        sa.Column("chain_hash", sa.LargeBinary, nullable=False),
    )
    op.create_index("audit_event_by_resource", "audit_event", ["resource", "sequence"])


def _followed() -> None:
    op.create_table(
        "change",
        sa.Column(
            "sequence", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False
        ),
        sa.Column("relying_party", sa.String, nullable=False),
        sa.Column("subject_ref", sa.LargeBinary, sa.ForeignKey("subject.ref"), nullable=False),
        sa.Column("binding_id", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("commit_time", sa.BigInteger, nullable=False),
        sa.Column("purge_time", sa.BigInteger, nullable=False),
    )
    op.create_index("change_by_relying_party", "change", ["relying_party", "sequence"])
    op.create_index("change_by_subject", "change", ["subject_ref"])
    op.create_table(
        "stream",
        sa.Column("operator_id", sa.String, primary_key=True),
        sa.Column("cursor", sa.String, nullable=False),
    )
