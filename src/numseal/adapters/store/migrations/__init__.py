"""The schema's history, for Alembic; run by `run`, imported only where a database is not at the newest revision."""
