"""What a child may keep from one job to the next."""

CHILD_GROWTH_MIB = 512  # memory kept after a job, over which the child is replaced
