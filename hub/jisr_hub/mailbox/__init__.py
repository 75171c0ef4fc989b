"""Messages that this hub keeps for its nodes and cannot read (docs/spec/sealed.md)."""
