"""Versions of the package numseal.api.operator."""
