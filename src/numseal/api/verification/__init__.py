"""Versions of the package numseal.api.verification."""
