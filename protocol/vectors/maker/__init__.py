"""A second, slow implementation of Jisr's bytes, from which the vectors are made.

It shares no code with jisr_protocol: canonical bytes by the standard library, Ed25519 by `cryptography`, trees by the
recursion of RFC 6962. Where it and the core give different bytes, one of them or the spec has a bug.
"""
