"""What can go wrong with the files, as one tree."""


class StorageError(Exception):
    """The folder can't be used or written now, which may pass: one sentence, with its cause."""


class StorageGoneError(StorageError):
    """STORAGE_DIR isn't the folder that was opened: what is promised there would be kept nowhere.

    It may be put back. `gone_s`: seconds since that was first seen.
    """

    def __init__(self, gone_s: float) -> None:
        super().__init__("STORAGE_DIR isn't the folder any more that was opened.")
        self.gone_s = gone_s


class OutputError(Exception):
    """What a job produced is no file that could become its result. Trying again changes nothing."""
