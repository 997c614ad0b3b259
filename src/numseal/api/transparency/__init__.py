"""Versions of the package numseal.api.transparency."""
