# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hosts on which the answers were right from the start, to stay so."""

CASES = [
    Case("bcache-root", "check 0000:00:17.0 0000:02:00.0", status=3, says=[r"0000:00:17\.0.*\n.*\[root-filesystem\]"],
         why="/ is on bcache: its backing disk and its cache both carry it"),
    Case("usb-dock", "check 0000:04:00.3", status=3, says=[r"enx00e04c680001", r"sdb1"],
         why="the boot stick of the host is behind the USB controller"),
    Case("serial-console", "check 0000:03:00.0", status=3, says=[r"\[in-use-console\]"],
         why="the console of the host is on the serial card"),
    Case("identical-nvme", "check 0000:02:00.0", status=3, says=[r"\[root-filesystem\]"],
         why="/ is on this one of two disks of one type"),
    Case("identical-nvme", "check 0000:03:00.0", never=[r"\[root-filesystem\]"], why="its twin is free"),
    Case("cx3-bond", "check 0000:08:00.0", status=3, says=[r"ens1d1", r"bond"],
         why="the second port of the function is in a bond"),
]
