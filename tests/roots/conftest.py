# SPDX-License-Identifier: LGPL-2.1-or-later


def pytest_addoption(parser):
    parser.addoption("--update", action="store_true",
                     help="captured roots: write what the program says now as the golden outputs")
