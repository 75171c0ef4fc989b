"""What coverage was, day by day: numbers only."""

from __future__ import annotations

from sqlalchemy import Column, Table

from .columns import Number, String, metadata

coverage_day = Table(
    "coverage_day",
    metadata,
    Column("day", String, primary_key=True),
    Column("theme", String, primary_key=True),
    Column("covered", Number, nullable=False),
    Column("thin", Number, nullable=False),
    Column("none", Number, nullable=False),
    Column("nobody", Number, nullable=False),
    Column("organizations", Number, nullable=False),
    Column("services", Number, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
