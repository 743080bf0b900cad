"""Units of size: a number of bytes is written as so many KIB or MIB."""

KIB = 1024
MIB = 1024 * KIB
