"""One directory out of many voices: what was said of records, and what it comes to. Source records stay untouched."""
