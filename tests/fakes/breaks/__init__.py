"""Everything that is known to go wrong in a backend, a module a subject; each break names the checks that must find it.

A break is a small change to one call of a correct backend: to its request, its answer or its stream.
"""
