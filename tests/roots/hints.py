# SPDX-License-Identifier: LGPL-2.1-or-later
"""Commands that a hint names must work on the host where it is given: their own dry run must pass."""

import re
import shlex
import subprocess

CHANGING = ("assign", "release", "enable", "disable", "apply", "settle", "vfs")
LOOKING = ("list", "show", "check", "status", "plan", "import", "config", "export", "verify", "doctor")
NEED_OPERANDS = ("assign", "release", "enable", "disable", "check", "show")
# Up to what ends it in a sentence.
COMMAND = re.compile(rf"\bvfioadm ((?:{'|'.join(CHANGING + LOOKING)})\b(?: +[^ '\"();,|]+)*)")
# The hint says that something else comes before it.
LATER = re.compile(r"\b(?:then|afterwards|once|after|when)\b[^.]*$", re.I)


def _command(text):
    """Without the words behind it and the point at its end."""
    words = text.rstrip(".").split()
    end = next((i for i, w in enumerate(words) if i and not w.startswith("-") and not re.search(r"[0-9:/=_]", w) and
                w not in ("check", "list")), len(words))
    return " ".join(words[:end])


def named(output):
    """(command, does it come later) for each that the output names."""
    for line in output.splitlines():
        for m in COMMAND.finditer(line):
            yield _command(m.group(1)), bool(LATER.search(line[:m.start()]))


class Runner:
    """Runs commands on a root, each once."""

    def __init__(self, program, root):
        self.argv = [str(program.path), *program.args, "--sysroot", str(root)]
        self.env, self.root, self.known = program.env, str(root), {}

    def __call__(self, command):
        if command not in self.known:
            r = subprocess.run([*self.argv, *shlex.split(command)], stdin=subprocess.DEVNULL, capture_output=True,
                               text=True, timeout=60, env=self.env, check=False)
            self.known[command] = r.returncode, (r.stdout + r.stderr).replace(self.root, "ROOT")
        return self.known[command]


def problems(run, command, output):
    """What is wrong with the commands that the output of a command names."""
    found = []
    for hint, later in named(output):
        words = hint.split()
        verb, operands = words[0], [w for w in words[1:] if not w.startswith("-")]
        if verb in NEED_OPERANDS and not operands:
            # A way of doing it, for something that is not named: the options must be there.
            status, said = run(f"{hint} --help")
            good = status == 0
        elif verb in CHANGING:
            status, said = run(f"{verb} --dry-run {' '.join(words[1:])}")
            # What is applied then may have to be declared first.
            good = status == 0 or (later and status in ((2, 3, 4, 6) if verb == "apply" else (3, 4, 6)))
        else:
            status, said = run(hint)
            good = status in (0, 3)
        if not good:
            found.append(f"$ vfioadm {command}\n{output}names: vfioadm {hint}\nwhich gives status {status}:\n{said}")
    return found


def everything(functions):
    """Commands that give hints, for the functions of a list --json."""
    yield from ("list", "status", "plan", "import", "list --enabled")
    types = dict.fromkeys(f"{f['vendor']}:{f['device']}" for f in functions if "vendor" in f and "device" in f)
    for f in functions:
        address = f["address"]
        yield from (f"check {address}", f"assign --dry-run {address}", f"release --dry-run {address}", f"show {address}")
    yield from (f"enable --dry-run {t}" for t in types)
