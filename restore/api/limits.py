"""What one upload may cost, with units."""

from restore.contract import KIB, MIB

# -- one upload
FORM_OVERHEAD_BYTES = 64 * KIB  # a body may be this much longer than the image it carries
FIELD_BYTES = 4 * KIB  # one text field
IMAGE_HEAD_BYTES = 4 * KIB  # first bytes of a file kept to tell its format
WRITE_BYTES = MIB  # gathered before a write to disk; an upload may hold two of these
GATHERED_BYTES = 8 * MIB  # by all uploads at once: with many each gathers less,
LEAST_WRITE_BYTES = 128 * KIB  # though not less than this (200 uploads at once: 36 MB in all)

# What a client is asked to wait before it sends the same again: Retry-After, in seconds.
DISABLED_RETRY_S = 60  # RESTORE_ENABLED is false
QUEUE_RETRY_S = 5  # MAX_QUEUE jobs wait
STORAGE_RETRY_S = 30  # the disk is full, or the files or the database can't be used
BUSY_RETRY_S = 5  # no child could be had to look at the photo
STARTING_RETRY_S = 1  # the provider isn't loaded yet
READY_RETRY_S = 5  # /readyz says no
POLL_RETRY_S = 2  # a job has not ended: until the next poll
