"""What Alembic runs: the migrations, on the connection that `run` hands over."""

from alembic import context

from numseal.adapters.store.schema import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
