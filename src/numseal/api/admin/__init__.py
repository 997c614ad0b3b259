"""Versions of the package numseal.api.admin."""
