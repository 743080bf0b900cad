"""What a job may have of the machine: the memory it is expected to need, and how many cores.

Pure arithmetic in MiB. Measuring the machine is config's, holding jobs back the dispatcher's. Rule:
the jobs that run at once stay under the budget together, and a job that is larger than the whole
budget runs, but alone.
"""

from collections.abc import Collection

from restore.contract import MIB

# A child of the `generic` provider peaks at 100 bytes
# for each pixel of its output over 60 MB of its own; a large picture is worked on in strips, which
# holds even 16384 x 16384 under 1.6 GB.
BYTES_PER_OUTPUT_PIXEL = 100
CHILD_BYTES = 60_000_000
PEAK_BYTES = 1_600_000_000
# What each process that works on tiles beside others holds of its own: 98 to 202 MiB at upscale 1
# to 4.
PROCESS_MIB = 210
PIXELS_PER_PROCESS = 200_000  # of the upload: fewer are one tile, which can't be shared


def estimate_mib(width: int, height: int, upscale: int, model_bytes: int = 0) -> int:
    """The peak in MiB, rounded up, of a job whose upload is `width` x `height` pixels.

    `model_bytes` are what its model needs whatever the picture's size.
    """
    output_pixels = width * height * upscale * upscale
    peak = min(CHILD_BYTES + BYTES_PER_OUTPUT_PIXEL * output_pixels, PEAK_BYTES)
    return -(-(peak + model_bytes) // MIB)


def fits(need_mib: int, running_mib: Collection[int], budget_mib: int) -> bool:
    """Whether a job that needs `need_mib` may start beside those that hold `running_mib`."""
    return not running_mib or sum(running_mib) + need_mib <= budget_mib


def cores_for(
    pixels: int, need_mib: int, running_mib: Collection[int], budget_mib: int, cores: int
) -> int:
    """How many of the machine's `cores` a job of `pixels` may keep busy beside those that run.

    Its share of them, as far as the memory that is left holds a process for each; at least 1, which
    needs no process but its own. It is decided once, as the job starts.
    """
    share = cores // (len(running_mib) + 1)
    left_mib = budget_mib - sum(running_mib) - need_mib
    return max(1, min(share, left_mib // PROCESS_MIB, pixels // PIXELS_PER_PROCESS))
