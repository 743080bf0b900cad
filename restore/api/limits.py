"""What one upload may cost, with units."""

from restore.contract import KIB, MIB

# -- one upload
FORM_OVERHEAD_BYTES = 64 * KIB  # a body may be this much longer than the image it carries
FIELD_BYTES = 4 * KIB  # one text field
IMAGE_HEAD_BYTES = 4 * KIB  # first bytes of a file kept to tell its format
WRITE_BYTES = MIB  # gathered before a write to disk; an upload may hold two of these
GATHERED_BYTES = 8 * MIB  # by all uploads at once: with many each gathers less,
LEAST_WRITE_BYTES = 128 * KIB  # though not less than this (200 uploads at once: 36 MB in all)
SMALL_UPLOAD_BYTES = 64 * KIB  # an upload up to this size is kept in its row, not in a file
