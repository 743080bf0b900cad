"""The training loop of every network: steps, checkpoints, a validation table, the best kept.

Rule 1: the same seed and the same number of steps give the same weights on the same machine and
        release of torch: a step's data depend on the seed and the step's number alone.
Rule 2: a run that was stopped goes on from its last checkpoint as if it had not been.
Rule 3: what is validated and exported is a running mean of the weights, and the best of them.
"""

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import torch

MEAN_DECAY = 0.998  # of the running mean of weights: about the last 500 steps
CHECKPOINT_SECONDS = 120.0  # of work that a stop can cost
PATIENCE = 20  # validations without a better one before training ends
LONGEST_GRADIENT = 1.0
WARM_STEPS = 200  # over which the learning rate rises


class Task(Protocol):
    """One network's data and aims."""

    name: str
    model: torch.nn.Module
    rate: float  # highest learning rate of Adam
    order: list[str]  # of the model's convolutions, as the provider runs them

    def loss(self, step: int) -> torch.Tensor:
        """The loss of step `step`'s batch under `model`."""

    def validate(self, model: torch.nn.Module) -> tuple[float, str]:
        """A score, higher is better, and a line that tells more."""


@dataclass(frozen=True, slots=True)
class Run:
    """How long to train and where its files lie."""

    folder: Path
    steps: int
    hours: float
    validate_every: int
    hold: float  # share of the steps at full rate, before it falls to nothing


@dataclass(slots=True)
class State:
    """How far a run is: steps, the best score and its line, validations since, seconds of work."""

    step: int = 0
    best: float = -1e9
    told: str = ""
    stale: int = 0
    seconds: float = 0.0


def trained(task: Task, run: Run) -> tuple[dict[str, torch.Tensor], State]:
    """Train `task`, going on from a checkpoint if there is one.

    Returns the best weights, and the state in which the run ended.
    """
    run.folder.mkdir(parents=True, exist_ok=True)
    optimizer = torch.optim.Adam(task.model.parameters(), task.rate, betas=(0.9, 0.99))
    mean = {key: value.clone() for key, value in task.model.state_dict().items()}
    state = State()
    path = run.folder / f"{task.name}.checkpoint"
    if path.exists():
        state, mean = _resumed(path, task, optimizer)
    began, saved, spent = time.monotonic(), time.monotonic(), state.seconds
    losses: list[float] = []
    while state.step < run.steps and state.seconds < run.hours * 3600 and state.stale < PATIENCE:
        losses.append(_stepped(task, run, state, optimizer, mean))
        state.seconds = spent + time.monotonic() - began
        if state.step % run.validate_every == 0 or state.step == run.steps:
            _validated(task, run, state, mean, sum(losses) / len(losses))
            losses.clear()
        if time.monotonic() - saved > CHECKPOINT_SECONDS or state.step == run.steps:
            _save(path, task, optimizer, state, mean)
            saved = time.monotonic()
    best = torch.load(run.folder / f"{task.name}.best", map_location="cpu", weights_only=True)
    return best, state


def _stepped(
    task: Task,
    run: Run,
    state: State,
    optimizer: torch.optim.Optimizer,
    mean: dict[str, torch.Tensor],
) -> float:
    """One step of the optimizer, and of the running mean; returns the loss."""
    for group in optimizer.param_groups:
        group["lr"] = task.rate * _share(state.step, run)
    optimizer.zero_grad(set_to_none=True)
    loss = task.loss(state.step)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(task.model.parameters(), LONGEST_GRADIENT)
    optimizer.step()
    state.step += 1
    decay = min(MEAN_DECAY, (1 + state.step) / (10 + state.step))
    with torch.no_grad():
        for key, value in task.model.state_dict().items():
            mean[key].lerp_(value, 1 - decay)
    return float(loss.detach())


def _share(step: int, run: Run) -> float:
    """Of the highest learning rate: a warm start, a plateau, a straight fall to nothing."""
    steps, hold = run.steps, run.hold * run.steps
    if step < WARM_STEPS:
        return (step + 1) / WARM_STEPS
    return 1.0 if step < hold else max(0.01, (steps - step) / (steps - hold))


def _validated(
    task: Task, run: Run, state: State, mean: dict[str, torch.Tensor], loss: float
) -> None:
    kept = {key: value.clone() for key, value in task.model.state_dict().items()}
    task.model.load_state_dict(mean)
    task.model.eval()
    with torch.no_grad():
        score, line = task.validate(task.model)
    state.stale += 1
    if score > state.best:
        state.best, state.told, state.stale = score, line, 0
        torch.save(mean, run.folder / f"{task.name}.best")
    task.model.load_state_dict(kept)
    task.model.train()
    mark = "*" if state.stale == 0 else " "
    told = f"{state.step:7d} {state.seconds / 60:7.1f} min loss {loss:.5f} {mark} {line}"
    print(told, flush=True)
    with (run.folder / f"{task.name}.log").open("a") as log:
        log.write(told + "\n")


def _save(
    path: Path,
    task: Task,
    optimizer: torch.optim.Optimizer,
    state: State,
    mean: dict[str, torch.Tensor],
) -> None:
    fresh = path.with_suffix(".fresh")
    torch.save(
        {
            "model": task.model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "mean": mean,
            "state": json.dumps(asdict(state)),
        },
        fresh,
    )
    fresh.replace(path)


def _resumed(
    path: Path, task: Task, optimizer: torch.optim.Optimizer
) -> tuple[State, dict[str, torch.Tensor]]:
    kept = torch.load(path, weights_only=True)
    task.model.load_state_dict(kept["model"])
    optimizer.load_state_dict(kept["optimizer"])
    return State(**json.loads(kept["state"])), kept["mean"]
