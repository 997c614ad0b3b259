"""Backends that answer the operator contract (`ports.operator_backend`), one room each."""
