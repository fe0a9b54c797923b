# SPDX-License-Identifier: LGPL-2.1-or-later
"""Boots real kernels under QEMU for the tests. Start reading at README.md."""
