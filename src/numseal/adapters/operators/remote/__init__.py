"""An operator across the wire: `numseal.api.operator.v1` from both of its ends.

What lives here: the client that answers the port (`backend`), the servicer that puts a backend on the wire (`served`),
the words between domain and messages, and the operator's signature over an answer (`statement`). What does not: whether
an answer is believed, how long is waited in a use case, and when a stream is opened again.
"""
