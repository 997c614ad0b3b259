"""The checks, a module a subject. Each has CHECKS, in the order they are told; a check knows the kit and no other."""
