"""The tables of the index. Everything in them can be read again from the run folders."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Boolean, Column, Float, Index, Integer, MetaData, String, Table

VERSION: Final = 1
"""Kept in SQLite's `user_version`. An older file is copied aside and filled again from the folders in one transaction;
a newer one is only read."""

APPLICATION: Final = 0x52457631
"""Kept in SQLite's `application_id`: tells our file from any other database."""

metadata = MetaData()

runs = Table(
    "runs",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String),
    Column("state", String, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("reason", String),
    Column("message", String),
    Column("problem", String),
    Column("created", String),
    Column("at", String),
    Column("started", String),
    Column("ended", String),
    Column("seconds", Float),
    Column("boot", String),
    Column("device", String),
    Column("assigned", String),
    Column("priority", Integer),
    Column("position", Float),
    Column("owner", String),
    Column("group_id", String),
    Column("title", String),
    Column("parent", String),
    Column("recipe", String),
    Column("data", String),
    Column("fingerprint", String),
    Column("seed", Integer),
    Column("model", String),
    Column("config", String),
    Column("summary", String),
    Column("deleted", Boolean, nullable=False),
    Column("missing", Boolean, nullable=False),
    Column("stamp", String, nullable=False),
    Column("metrics_at", Integer, nullable=False),
)
Index("runs_by_state", runs.c.state, runs.c.priority.desc(), runs.c.position)
Index("runs_by_group", runs.c.group_id)

metrics = Table(
    "metrics",
    metadata,
    Column("run", String, primary_key=True),
    Column("step", Integer, primary_key=True),
    Column("name", String, primary_key=True),
    Column("value", Float),
    Column("flag", String),
    sqlite_with_rowid=False,
)
