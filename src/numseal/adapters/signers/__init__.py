"""Signing keys behind the signer port, and the files that secrets are kept in. What is signed is decided elsewhere."""
