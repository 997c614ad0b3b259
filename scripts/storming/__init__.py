"""A storm of operators' events: how fast bindings follow it, and what others notice. Measures; judges nothing."""
