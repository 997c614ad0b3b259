"""A simulated mobile network: operators, subscribers and handsets, all drawn from a seed.

Only what a real network would hold lives here. Nothing in this room knows of verifications, policy or the
log; the operators answer the same contract as any other backend.
"""
