"""Alembic runs this for each command, on the connection and in the transaction given to it."""

from alembic import context

from portcall.store.database.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()
