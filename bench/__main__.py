"""How fast the server is beside peers that do the same job on a framework.

    python -m bench                 3 rounds, about 5 minutes
    python -m bench --quick         2 shorter rounds beside one peer, about 2 minutes
    python -m bench --peer aiohttp --rounds 5
    python -m bench cluster         other machines against this one, about a minute

Needs the extra `bench` (pip install -e '.[bench]'). Servers take turns within each round, so that
whatever else the machine does meets all of them; even so, believe a ratio only if all rounds agree.
"""

import argparse
import os
import platform
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

Figures = list[dict[str, dict[str, float]]]  # a round: server: row: figure


def main() -> None:
    options = _options()
    try:
        from bench.servers import OURS
        from bench.workloads import Workloads
    except ImportError as error:
        sys.exit(f"{error.name} is missing; install the extra: pip install -e '.[bench]'")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    began, rounds = time.monotonic(), Figures()
    with tempfile.TemporaryDirectory(prefix="restore-bench-") as folder:
        workloads = Workloads(Path(folder), 0.5 if options.quick else 1.0)
        servers = [OURS, *options.peer]
        for number in range(1, options.rounds + 1):
            rounds.append({})
            for name in servers if number % 2 else reversed(servers):
                started = time.monotonic()
                rounds[-1][name] = workloads.measure(name)
                took = f"{time.monotonic() - started:.0f} s, load {os.getloadavg()[0]:.1f}"
                print(f"round {number} of {options.rounds}: {name}, {took}", file=sys.stderr)
    _print_table(rounds, servers)
    print(f"{time.monotonic() - began:.0f} s, load {os.getloadavg()[0]:.1f} at the end")


def _options() -> argparse.Namespace:
    description, _, epilog = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    peers = ["aiohttp", "starlette"]
    parser.add_argument("--quick", action="store_true", help="one peer, 2 rounds of half length")
    parser.add_argument("--rounds", type=int, help="default: 3, quick: 2")
    parser.add_argument(
        "--peer", action="append", choices=peers, help="more than once for more; default: both"
    )
    options = parser.parse_args()
    options.rounds = max(1, options.rounds or (2 if options.quick else 3))
    options.peer = options.peer or (peers[:1] if options.quick else peers)
    return options


def _print_table(rounds: Figures, servers: Sequence[str]) -> None:
    """Medians, and how many times better than the best peer of the same round."""
    from bench.workloads import ROWS

    print(f"\n{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print("Medians; how many times better than the best peer (over 1: ahead), and in each round:\n")
    print(f"{'':34}{'':5}" + "".join(f"{name:>11}" for name in servers) + f"{'ratio':>9}  rounds")
    for key, row in ROWS.items():
        cells = "".join(_cell(rounds, name, key) for name in servers)
        ratios = [] if row.ours_only else [_ratio(one, servers, key, row.more) for one in rounds]
        print(f"{row.name:34}{row.unit:5}{cells}{_agreement(ratios)}")


def _cell(rounds: Figures, name: str, key: str) -> str:
    values = [one[name][key] for one in rounds if key in one[name]]
    if not values:
        return f"{'-':>11}"
    value = statistics.median(values)
    return f"{value:>11,.{0 if abs(value) >= 100 else 2}f}"


def _ratio(
    figures: Mapping[str, Mapping[str, float]], servers: Sequence[str], key: str, more: bool
) -> float:
    ours, *peers = (figures[name][key] for name in servers)
    return ours / max(peers) if more else min(peers) / ours


def _agreement(ratios: Sequence[float]) -> str:
    """The median, each round, and a `?` where they don't agree on who is ahead."""
    if not ratios:
        return ""
    split = min(ratios) < 1 < max(ratios)
    each = " ".join(f"{ratio:.2f}" for ratio in ratios)
    return f"{statistics.median(ratios):>9.2f}  {each}{'  ?' if split else ''}"


def other_machines() -> None:
    from bench import cluster

    cluster.main()


if __name__ == "__main__":
    other_machines() if sys.argv[1:] == ["cluster"] else main()
