"""Formats of what Numseal attests: JWK, JWS, SD-JWT, claims, log entry, public keys, bundle.

Plain values in, plain values out. No I/O, no clock, no randomness: times, salts and keys are arguments.
May import `numseal.domain`, `cryptography` and `orjson`; never the log, a store or an RPC library.
"""
