"""Run by Alembic: migrations happen inside the transaction that migrate.py hands over."""

from alembic import context

from citywatch.adapters.store.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,  # SQLite changes a table by copying it
)
context.run_migrations()
