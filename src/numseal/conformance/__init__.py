"""The conformance kit: what an operator runs against its own backend, in whatever language that is written.

Checks speak the wire contract, `numseal.api.operator.v1`, as Numseal would and as a careless client might, and quote
the clause that they hold an answer against. They know nothing of Numseal's own reading of answers, no database and no
terminal; printing is `apps.cli`'s. Whatever the kit must know of the operator's numbers comes from a profile.
"""
