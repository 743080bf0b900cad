"""The settings: config.env and the environment, read once into a frozen Config.

settings   every setting, where it is looked for, and what stops the start
values     one value: text in, value out
"""

from restore.config.settings import (
    EMULATOR_HOST,
    KEYS,
    Config,
    ConfigError,
    load,
    port_of,
    read_file,
)

__all__ = [
    "EMULATOR_HOST",
    "KEYS",
    "Config",
    "ConfigError",
    "load",
    "port_of",
    "read_file",
]
