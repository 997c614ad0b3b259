"""What touches the world: one room a technology, and none of them knows another."""
