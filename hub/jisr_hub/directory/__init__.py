"""The open directory: what is public here, found and handed on. Pure: knows ports, no SQL and no HTTP."""
