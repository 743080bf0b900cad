"""From nothing to a network's weights, in one command.

    python -m training NETWORK [--hours 3] [--steps N] [--seed 1] [--work FOLDER] [--themes FOLDER]

NETWORK is `marks`, `clean-jpeg`, `enlarge` or `enlarge-jpeg`. The photographs are fetched first
where they are missing (training/photos.py says which), then the network is trained, going on where
an earlier run was stopped, and its best weights replace the file that the provider loads. A line is
printed after each validation. --hours bounds the time and --steps the work: the same steps and seed
give the same file, byte for byte, on the same machine. One core is used; a CUDA device where there
is one.
"""

import argparse
import sys
from pathlib import Path

import torch

import restore.providers.generic.network as provider
from training.cleaning import Cleaning
from training.enlarging import Enlarging
from training.export import exported, written
from training.loop import Run, Task, trained
from training.marking import Marking
from training.photos import gathered

STEPS = {"clean-jpeg": 40_000, "marks": 40_000, "enlarge": 40_000, "enlarge-jpeg": 40_000}
VALIDATE_EVERY = 500  # steps


def main(arguments: list[str]) -> None:
    """Train one network and write its file."""
    parser = argparse.ArgumentParser(prog="python -m training")
    parser.add_argument("network", choices=sorted(STEPS))
    parser.add_argument("--hours", type=float, default=3.0, help="at most so many (3)")
    parser.add_argument("--steps", type=int, help="in all, over every run")
    parser.add_argument("--hold", type=float, default=0.5, help="share of steps at full rate (0.5)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", type=Path, default=Path("training-work"))
    parser.add_argument("--themes", type=Path, help="a folder of copies of the WordPress themes")
    given = parser.parse_args(arguments)
    name, steps = given.network, given.steps or STEPS[given.network]
    torch.set_num_threads(1)
    photos = gathered(given.work / "photos", given.themes)
    task = _task(name, photos, given.seed)
    run = Run(given.work / "runs", steps, given.hours, VALIDATE_EVERY, given.hold)
    weights, state = trained(task, run)
    about = {
        "name": name,
        "command": f"python -m training {name} --steps {steps} --seed {given.seed}",
        "steps": state.step,
        "photographs": len(photos),
        "validation": state.told,
        "torch": torch.__version__,
    }
    target = Path(provider.__file__).parent / f"{name}.weights"
    written(target, exported(weights, task.order, about))
    print(f"wrote {target}")


def _task(name: str, photos: list[Path], seed: int) -> Task:
    if name == "marks":
        return Marking(photos, seed)
    if name == "clean-jpeg":
        return Cleaning(photos, seed)
    return Enlarging(photos, name == "enlarge-jpeg", seed)


if __name__ == "__main__":
    main(sys.argv[1:])
