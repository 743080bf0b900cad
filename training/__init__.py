"""Trains the small networks that `restore/providers/generic/network` runs; see docs/MODELS.md.

It needs the extra `[train]` (torch and numpy) and is no part of the service: what leaves it is one
small file of weights a network.
"""
