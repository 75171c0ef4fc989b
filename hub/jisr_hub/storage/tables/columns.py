"""What all tables share: their register and the types of columns."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, MetaData, Text

metadata = MetaData()
ORGANIZATION = "org.jisr.organization/1"
"""The type of the records in which nodes name themselves."""
# In the order of their bytes in both databases; and numbers up to 2^53, which SQLite's strict tables call INTEGER.
String = Text().with_variant(Text(collation="C"), "postgresql")
Number = BigInteger().with_variant(Integer(), "sqlite")
