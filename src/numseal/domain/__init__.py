"""The words of the field as plain values and pure functions: no I/O, no clock, no randomness of its own.

May be imported by every room; imports only the pure part of the standard library and `phonenumbers`.
Times are whole Unix seconds, UTC. `now` and randomness are arguments.
"""
