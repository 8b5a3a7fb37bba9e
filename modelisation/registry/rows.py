"""Every row of an MLflow database copied into the empty tables of another one: what is in one is in the other."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from back.runtime.errors import UserError
from modelisation.registry.moved import PLACES

if TYPE_CHECKING:
    from sqlalchemy import Connection, MetaData, Table

# Tables that are never empty: MLflow notes its schema's version, a workspace and an experiment when it makes them.
_OWN = ("alembic_version", "workspaces", "experiments")
_BATCH = 1000

Place = Callable[[str | None], str | None]  # where artifacts lie now; None: where they lay before


def copy_rows(source: "Connection", target: "Connection", place: Place) -> dict[str, int]:
    """Copy all rows between databases of the same schema, within the target's transaction, which is left open.

    Args:
        source: read only.
        target: a PostgreSQL database whose tables MLflow has just made.
        place: gives the new place of an artifact.

    Returns:
        How many rows each table of the target has now, counted there; those without a row are left out.

    Raises:
        UserError: the target holds something already, the schemas differ, or a count does.
        sqlalchemy.exc.SQLAlchemyError: a row that the target refuses.
    """
    from sqlalchemy import insert

    old, new = _tables(source), _tables(target)
    _check_alike(old, new)
    check_empty(target)
    tables = [table for table in new.sorted_tables if table.name != "alembic_version"]
    for table in reversed(tables):
        if table.name in _OWN:
            target.execute(table.delete())
    counts = {}
    for table in tables:  # in an order in which what a row refers to is there before it
        rows = source.execution_options(yield_per=_BATCH).execute(old.tables[table.name].select()).mappings()
        for batch in rows.partitions(_BATCH):
            target.execute(insert(table), [_moved(row, PLACES.get(table.name, ()), place) for row in batch])
        _count_on(target, table)
        counts[table.name] = _rows_of(target, table)
        if (before := _rows_of(source, old.tables[table.name])) != counts[table.name]:
            raise UserError(f"{table.name} has {before} rows, and {counts[table.name]} arrived; nothing was changed")
    return {name: count for name, count in counts.items() if count}


def _tables(connection: "Connection") -> "MetaData":
    from sqlalchemy import MetaData

    metadata = MetaData()
    metadata.reflect(connection)
    return metadata


def _check_alike(old: "MetaData", new: "MetaData") -> None:
    for name in sorted({*old.tables, *new.tables}):
        columns = [
            {c.name for c in tables.tables[name].c} if name in tables.tables else set() for tables in (old, new)
        ]
        if columns[0] != columns[1]:
            names = ", ".join(sorted(columns[0] ^ columns[1]))
            raise UserError(f"the two databases differ in table {name} ({names}); is one of another program, too?")


def check_empty(target: "Connection") -> None:
    """Raises UserError: a database holds more than what MLflow writes into every new one."""
    for table in _tables(target).sorted_tables:
        rows = _rows_of(target, table)
        if rows > (1 if table.name in _OWN else 0):
            raise UserError(f"the new database is in use: it holds {rows} {table.name}; name an empty one")


def _rows_of(connection: "Connection", table: "Table") -> int:
    from sqlalchemy import func, select

    return connection.execute(select(func.count()).select_from(table)).scalar_one()


def _moved(row: Mapping[Any, Any], columns: tuple[str, ...], place: Place) -> dict[str, Any]:
    moved = {column: new for column in columns if (new := place(row[column])) is not None}
    return {**row, **moved}


def _count_on(target: "Connection", table: "Table") -> None:
    """Let the numbers that PostgreSQL gives to new rows go on after those that were copied."""
    from sqlalchemy import func, select

    for column in table.primary_key.columns:
        sequence = target.execute(select(func.pg_get_serial_sequence(table.name, column.name))).scalar()
        if sequence is not None:
            last = target.execute(select(func.max(column))).scalar() or 0
            target.execute(select(func.setval(sequence, last + 1, False)))
