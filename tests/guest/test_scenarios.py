# SPDX-License-Identifier: LGPL-2.1-or-later
"""The same scenarios on a kernel and on the model of it must leave the same transcript."""

import difflib
import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS / "roots"))

import archive  # noqa: E402
import reduce  # noqa: E402
import shell  # noqa: E402
from rig import kernels, payload, qemu  # noqa: E402
from rig.errors import Unavailable  # noqa: E402
from rig.lineups import DEFAULT  # noqa: E402

CASES = sorted((TESTS / "scenarios" / "cases").glob("*.scn"))
PROGRAM = "tests/scenarios/scenario-runner"
RUNNER = "/root/scenario-runner"
# The model runs here, whatever the guest's architecture is.
MODEL_BUILD = payload.BUILD_VARIABLE["x86_64"]


def runner_of(variable):
    build = os.environ.get(variable)
    path = Path(build or "", PROGRAM)
    if not build or not path.is_file():
        pytest.skip(f"{variable} names no build with {PROGRAM}")
    return path


def boot(kernel, lineup):
    arch = kernels.KERNELS[kernel].arch
    content = payload.from_build(arch)
    content["programs"][RUNNER] = runner_of(payload.BUILD_VARIABLE[arch])
    for case in CASES:
        content["files"][f"/root/cases/{case.name}"] = case.read_bytes()
    return qemu.Guest(kernel, lineup, **content)


def capture(guest):
    """As the guest is now, before anything was changed."""
    guest.put("/tmp/capture.sh", shell.script(locked=True).encode(), 0o755)
    out = guest.run("sh /tmp/capture.sh | gzip -c > /tmp/capture.gz", timeout=180)
    assert out.rc == 0, out.err
    stream = gzip.decompress(guest.get("/tmp/capture.gz")).decode(errors="surrogateescape")
    return reduce.reduce(shell.parse(stream))


def on_kernel(guest):
    out = guest.run([RUNNER, "--host", "live", "--transcript", "/tmp/transcript",
                     *(f"/root/cases/{c.name}" for c in CASES)], timeout=900)
    assert out.rc < 2, f"the runner ended with {out.rc}: {out.out}{out.err}"
    return out.rc, out.out + out.err, guest.get("/tmp/transcript").decode()


def in_fresh_guest(guests, key, root):
    kernel, lineup, _ = key
    guest = guests.get(key, lambda: boot(kernel, lineup))
    root.write_text(archive.dumps(capture(guest)))
    try:
        return on_kernel(guest)
    finally:
        guests.drop(key)


def on_model(tmp_path, root):
    transcript = tmp_path / "transcript"
    done = subprocess.run(
        [runner_of(MODEL_BUILD), "--host", f"fake:{root}", "--transcript", transcript, *CASES],
        capture_output=True, text=True, timeout=600, check=False)
    said = done.stdout + done.stderr
    assert done.returncode in (0, 1), f"the runner ended with {done.returncode}: {said}"
    return done.returncode, said, transcript.read_text()


def by_scenario(transcript):
    """Lines of each scenario; what was skipped has none but that."""
    parts, name = {}, ""
    for line in transcript.splitlines():
        if line.startswith("# "):
            name = line[2:]
            parts[name] = []
        else:
            parts[name].append(line)
    return parts


def differences(kernel, model):
    """Of the scenarios that both could run: some need what only one of them offers."""
    for name, lines in kernel.items():
        other = model[name]
        if any(x and x[0].startswith("skipped: only for") for x in (lines, other)):
            continue
        yield from difflib.unified_diff(other, lines, f"model: {name}", f"kernel: {name}",
                                        lineterm="", n=4)


@pytest.mark.no_payload
def test_transcripts_agree(kernel, guests, tmp_path):
    lineup = DEFAULT[kernels.KERNELS[kernel].arch]
    runner_of(MODEL_BUILD)
    root = tmp_path / "guest.root"
    key = (kernel, lineup, "scenarios")
    try:
        rc, said, kernel_says = in_fresh_guest(guests, key, root)
    except Unavailable as e:
        pytest.skip(str(e))
    assert rc in (0, 1), f"the runner ended with {rc}: {said}"
    # The transcript of a failure is worth more than the failure.
    (tmp_path / "kernel.txt").write_text(kernel_says)
    model_rc, model_said, model_says = on_model(tmp_path, root)
    diff = "\n".join(differences(by_scenario(kernel_says), by_scenario(model_says)))
    assert rc == 0, f"on the kernel:\n{said}\n{diff}"
    assert model_rc == 0, f"on the model:\n{model_said}\n{diff}"
    assert not diff, diff
