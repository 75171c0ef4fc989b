"""Words about records, what they make one, and pairs that may be one."""

from __future__ import annotations

from sqlalchemy import Column, Index, Table

from .columns import Number, String, metadata

voice = Table(
    "voice",
    metadata,
    Column("signer", String, primary_key=True),
    Column("decision", String, nullable=False),
    Column("at", String, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
word = Table(
    "word",
    metadata,
    Column("node", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("predicate", String, nullable=False),
    Column("since", String, nullable=False),
    Column("until", String, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
word_about = Table(
    "word_about",
    metadata,
    Column("node", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("signer", String, primary_key=True),
    Column("word", String, primary_key=True),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
Index("word_about_word", word_about.c.signer, word_about.c.word)
merged = Table(
    "merged",
    metadata,
    Column("node", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("entry", String, nullable=False),
    Column("leads", Number, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
curated = Table(
    "curated",
    metadata,
    Column("feed", String, primary_key=True),
    Column("epoch", String, nullable=False),
    Column("day", String, nullable=False),
    Column("heard", String, nullable=False),
    Column("cursor", Number, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
double = Table(
    "double",
    metadata,
    Column("node", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("other_node", String, primary_key=True),
    Column("other_id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("codes", String, nullable=False),
    Column("grade", Number, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
Index("double_other", double.c.other_node, double.c.other_id)
Index("double_grade", double.c.grade, double.c.kind)
double_answer = Table(
    "double_answer",
    metadata,
    Column("node", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("other_node", String, primary_key=True),
    Column("other_id", String, primary_key=True),
    Column("answer", String, nullable=False),
    Column("until", String, nullable=False),
    Column("account", String, nullable=False),
    Column("at", String, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
double_stand = Table(
    "double_stand",
    metadata,
    Column("feed", String, primary_key=True),
    Column("epoch", String, nullable=False),
    Column("trouble", String, nullable=False),
    Column("cursor", Number, nullable=False),
    Column("rules", Number, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
