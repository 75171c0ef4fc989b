"""Messages that others sealed to this node (docs/spec/sealed.md)."""
