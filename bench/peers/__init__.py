"""Peers: the same job on a framework, as somebody would write it in an afternoon.

They speak the contract's three routes, check size, format and fields, keep jobs in SQLite and run
them in a process pool. Left out, in their favour: syncs to disk before the 201 (SQLite may lose the
last commits in a power cut), attempts, time limits, isolation of a job's death, header checks in a
child, rate limit, access log, time-outs of slow clients.
"""
