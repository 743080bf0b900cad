"""The networks in torch, made of nothing but 3x3 convolutions, ReLU, means and phases.

`restore/providers/generic/network` runs the same layers, in the same order, on Pillow.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


class Block(nn.Conv2d):
    """A 3x3 convolution, unpadded, that starts out small by `gain`."""

    def __init__(self, inputs: int, outputs: int, gain: float = 1.0) -> None:
        super().__init__(inputs, outputs, 3)
        nn.init.kaiming_normal_(self.weight)
        nn.init.zeros_(self.bias)
        with torch.no_grad():
            self.weight.mul_(gain)


class Enlarger(nn.Module):
    """Brightness to the four phases of what its doubled Lanczos enlargement lacks."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            [Block(1, channels)]
            + [Block(channels, channels) for _ in range(hidden)]
            + [Block(channels, 4, gain=0.1)]
        )
        self.margin = len(self.blocks)  # px lost on each side
        self.order = [f"blocks.{number}" for number in range(len(self.blocks))]

    def forward(self, planes: Tensor) -> Tensor:
        """n x 1 x h x w to n x 1 x 2(h - 2 margin) x 2(w - 2 margin)."""
        for block in self.blocks[:-1]:
            planes = torch.relu(block(planes))
        return functional.pixel_shuffle(self.blocks[-1](planes), 2)


class Marker(nn.Module):
    """Brightness and colourfulness to a logit for each pixel of belonging to a mark.

    Three sizes: the picture's phases of 2 x 2 at half size, then a quarter and an eighth. What the
    smaller sizes saw is enlarged and added on the way back, so that a broad scratch is seen whole
    and a thin one keeps its edges.
    """

    ORDER = (
        *("at_half.0", "at_half.1", "at_quarter.0", "at_quarter.1", "at_eighth.0", "at_eighth.1"),
        *("up_quarter", "on_quarter", "up_half", "on_half", "last"),
    )

    def __init__(self, half: int, quarter: int, eighth: int) -> None:
        super().__init__()
        self.at_half = nn.ModuleList([Block(8, half), Block(half, half)])
        self.at_quarter = nn.ModuleList([Block(half, quarter), Block(quarter, quarter)])
        self.at_eighth = nn.ModuleList([Block(quarter, eighth), Block(eighth, eighth)])
        self.up_quarter, self.on_quarter = Block(eighth, quarter), Block(quarter, quarter)
        self.up_half, self.on_half = Block(quarter, half), Block(half, half)
        self.last = Block(half, 4, gain=0.3)

    def forward(self, planes: Tensor) -> Tensor:
        """n x 2 x h x w to n x 1 x h x w; h and w multiples of 8. Beyond the edge lie zeros."""
        first = _relu(self.at_half, functional.pixel_unshuffle(planes, 2))
        second = _relu(self.at_quarter, functional.avg_pool2d(first, 2))
        third = _relu(self.at_eighth, functional.avg_pool2d(second, 2))
        second = torch.relu(second + _doubled(_same(self.up_quarter, third)))
        second = torch.relu(_same(self.on_quarter, second))
        first = torch.relu(first + _doubled(_same(self.up_half, second)))
        first = torch.relu(_same(self.on_half, first))
        return functional.pixel_shuffle(_same(self.last, first), 2)


def _same(block: nn.Module, planes: Tensor) -> Tensor:
    return block(functional.pad(planes, (1, 1, 1, 1)))


def _relu(blocks: nn.ModuleList, planes: Tensor) -> Tensor:
    for block in blocks:
        planes = torch.relu(_same(block, planes))
    return planes


def _doubled(planes: Tensor) -> Tensor:
    return functional.interpolate(planes, scale_factor=2, mode="nearest")


class Cleaner(nn.Module):
    """Brightness of a JPEG file to what it lacks, at half size as phases of 2 x 2 pixels.

    Beside them it sees where each pixel lies in its block, and how coarse the file is.
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            [Block(9, channels)]
            + [Block(channels, channels) for _ in range(hidden)]
            + [Block(channels, 4, gain=0.1)]
        )
        self.margin = len(self.blocks)  # px of half the size lost on each side
        self.order = [f"blocks.{number}" for number in range(len(self.blocks))]
        edge, slope = torch.tensor([1.0, 0, 0, 1]), torch.tensor([1.0, 1 / 3, -1 / 3, -1])
        rows = torch.stack([edge, slope])[:, :, None].expand(2, 4, 4)
        self.register_buffer("grid", torch.cat([rows, rows.transpose(1, 2)]), persistent=False)

    def forward(self, planes: Tensor, coarse: Tensor) -> Tensor:
        """n x 1 x h x w on the grid, h and w multiples of 8, to n x 1 of the inner pixels."""
        half = functional.pixel_unshuffle(planes, 2)
        size = half.shape[2] // 4, half.shape[3] // 4
        grid = self.grid.repeat(1, *size)[None].expand(len(half), -1, -1, -1)
        coarseness = coarse[:, None, None, None].expand(-1, 1, *half.shape[2:])
        half = torch.cat([half, grid, coarseness], dim=1)
        for block in self.blocks[:-1]:
            half = torch.relu(block(half))
        return functional.pixel_shuffle(self.blocks[-1](half), 2)
