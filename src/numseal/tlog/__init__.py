"""The transparency log's mathematics and texts: RFC 6962 hashing and the C2SP formats.

Plain values in, plain values out. May import the standard library, `numseal.domain` and `cryptography`;
nothing here reads a file, a socket, a database or a clock.
"""
