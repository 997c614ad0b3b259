"""The one schema of every engine, as SQLAlchemy Core tables. How rows are found and written is in `statements`.

Numbers and account ids appear sealed or as keyed hashes only. Times are Unix seconds, ids 32 hex digits.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    text,
)

REVISION = "0001"
"""The newest migration: the schema that this code reads and writes."""

METADATA = MetaData()

HEAD = Table(
    "head",
    METADATA,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("origin", String, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("frontier", LargeBinary, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("batch_id", String, nullable=False),
    Column("key_check", LargeBinary, nullable=False),
    Column("change_sequence", BigInteger, nullable=False),
    Column("purged_sequence", BigInteger, nullable=False),
    Column("fence", BigInteger, nullable=False),
)

LEAF = Table(
    "leaf",
    METADATA,
    Column("idx", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("entry", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Index("leaf_by_hash", "hash"),
)

TILE = Table(
    "tile",
    METADATA,
    Column("level", SmallInteger, primary_key=True, autoincrement=False),
    Column("idx", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

SUBJECT = Table(
    "subject",
    METADATA,
    Column("ref", LargeBinary, primary_key=True),
    Column("relying_party", String, nullable=False),
    Column("wrapped_key", LargeBinary, nullable=False),
    Column("sealed_number", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

VERIFICATION = Table(
    "verification",
    METADATA,
    Column("verification_id", String, primary_key=True),
    Column("subject_ref", LargeBinary, ForeignKey("subject.ref"), nullable=False),
    Column("purge_time", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("verification_by_subject", "subject_ref"),
    Index("verification_by_purge_time", "purge_time"),
)

REQUEST = Table(
    "request",
    METADATA,
    Column("ref", LargeBinary, primary_key=True),
    Column("verification_id", String, nullable=False),
    Column("purge_time", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("request_by_purge_time", "purge_time"),
    sqlite_with_rowid=False,
)

IS_LIVE = text("state IN ('ACTIVE', 'SUSPENDED')")
IS_LIVE_AND_WATCHED = text("state IN ('ACTIVE', 'SUSPENDED') AND watch_ref IS NOT NULL")

BINDING = Table(
    "binding",
    METADATA,
    Column("binding_id", String, primary_key=True),
    Column("relying_party", String, nullable=False),
    Column("account_ref", LargeBinary, nullable=False),
    Column("subject_ref", LargeBinary, ForeignKey("subject.ref"), nullable=False),
    Column("state", String, nullable=False),
    Column("level", SmallInteger, nullable=False),
    Column("verified_time", BigInteger, nullable=False),
    Column("observed_time", BigInteger, nullable=False),
    Column("expire_time", BigInteger, nullable=False),
    Column("contested_time", BigInteger),
    Column("reverify_by", BigInteger),
    Column("operator_id", String, nullable=False),
    Column("watch_ref", LargeBinary),
    Column("recheck_time", BigInteger, nullable=False),
    Index("binding_by_account", "account_ref", "binding_id"),
    Index("binding_by_relying_party", "relying_party", "binding_id"),
    Index("binding_by_subject", "subject_ref"),
    Index("live_binding", "subject_ref", unique=True, sqlite_where=IS_LIVE, postgresql_where=IS_LIVE),
    Index("live_binding_by_recheck_time", "recheck_time", "binding_id", sqlite_where=IS_LIVE, postgresql_where=IS_LIVE),
    Index("live_binding_by_operator", "operator_id", "binding_id", sqlite_where=IS_LIVE, postgresql_where=IS_LIVE),
    Index("live_binding_by_watch", "watch_ref", sqlite_where=IS_LIVE_AND_WATCHED, postgresql_where=IS_LIVE_AND_WATCHED),
)

BINDING_BODY = Table(
    "binding_body",
    METADATA,
    Column("binding_id", String, ForeignKey("binding.binding_id"), primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

ATTESTATION = Table(
    "attestation",
    METADATA,
    Column("jti", String, primary_key=True),
    Column("binding_id", String, nullable=False),
    Column("verification_id", String, nullable=False),
    Column("relying_party", String, nullable=False),
    Column("subject_ref", LargeBinary, nullable=False),
    Column("key_id", String, nullable=False),
    Column("leaf_index", BigInteger, nullable=False),
    Column("signing_input", LargeBinary, nullable=False),
    Column("signature", LargeBinary),
    Column("body", LargeBinary, nullable=False),
)

BUDGET = Table(
    "budget",
    METADATA,
    Column("ref", LargeBinary, primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("end_time", BigInteger, nullable=False),
    Index("budget_by_end_time", "end_time"),
    sqlite_with_rowid=False,
)

SIGHTING = Table(
    "sighting",
    METADATA,
    Column("ref", LargeBinary, primary_key=True),
    Column("end_time", BigInteger, nullable=False),
    Index("sighting_by_end_time", "end_time"),
    sqlite_with_rowid=False,
)

CHANGE = Table(
    "change",
    METADATA,
    Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("relying_party", String, nullable=False),
    Column("subject_ref", LargeBinary, ForeignKey("subject.ref"), nullable=False),
    Column("binding_id", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("commit_time", BigInteger, nullable=False),
    Column("purge_time", BigInteger, nullable=False),
    Index("change_by_relying_party", "relying_party", "sequence"),
    Index("change_by_subject", "subject_ref"),
)

STREAM = Table(
    "stream",
    METADATA,
    Column("operator_id", String, primary_key=True),
    Column("cursor", String, nullable=False),
)

AGREEMENT = Table(
    "agreement",
    METADATA,
    Column("agreement_id", String, primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

AUDIT_EVENT = Table(
    "audit_event",
    METADATA,
    Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("event_time", BigInteger, nullable=False),
    Column("administrator_id", String, nullable=False),
    Column("action", String, nullable=False),
    Column("resource", String, nullable=False),
    Column("detail", String, nullable=False),
    Column("chain_hash", LargeBinary, nullable=False),
    Index("audit_event_by_resource", "resource", "sequence"),
)

POLICY = Table(
    "policy",
    METADATA,
    Column("digest", String, primary_key=True),
    Column("document", String, nullable=False),
)
