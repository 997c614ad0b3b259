"""Numseal binds messenger accounts to phone numbers and answers with signed attestations."""
