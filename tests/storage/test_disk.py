"""disk: a sync is a full one where the system has one; the rest is tested with storage."""

import errno
from unittest import mock

from tests.support.storage_testcase import StorageTestCase


class MacTests(StorageTestCase):
    def test_a_full_sync_where_the_system_has_one(self) -> None:
        with (
            mock.patch("restore.storage.disk.fcntl.F_FULLFSYNC", 51, create=True),
            mock.patch("restore.storage.disk.fcntl.fcntl") as full,
            mock.patch("restore.storage.disk.os.fsync") as plain,
        ):
            self.storage.sync_uploads()
            self.assertEqual((full.call_args.args[1], plain.call_count), (51, 0))
            full.side_effect = OSError(errno.ENOTSUP, "")
            self.storage.sync_uploads()
            self.assertEqual(plain.call_count, 1)
