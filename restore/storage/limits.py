"""How long the storage waits for what may pass."""

STORAGE_GONE_S = 30.0  # a STORAGE_DIR that is taken away may be put back, before jobs fail of it
