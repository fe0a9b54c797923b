# SPDX-License-Identifier: LGPL-2.1-or-later
"""Exceptions of the rig."""


class RigError(Exception):
    """The rig itself failed: a download, a build step, a boot."""


class Unavailable(RigError):
    """Something optional is not there; the text is the reason a test is skipped with."""


class GuestError(RigError):
    """The guest died or stopped answering."""


class GuestTimeout(GuestError):
    """A command in the guest, or the boot, took longer than allowed."""
