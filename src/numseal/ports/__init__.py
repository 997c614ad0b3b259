"""What the use cases need of the world: one Protocol a file, and its contract in prose.

No implementation lives here.
"""
