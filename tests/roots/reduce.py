# SPDX-License-Identifier: LGPL-2.1-or-later
"""From what a host shows to what is worth keeping of it."""

import fnmatch
import posixpath
import re

from archive import Archive
from what import (BUSES, CLASSES, CPUINFO, FRAMEBUFFERS, MAY_BE_EMPTY, MODULES, SKIP_LINKS, VIRTUAL, WRITE_ONLY)


def _wanted_path(path, modules):
    parts = path.split("/")
    if parts[0] != "sys":
        return True
    if parts[1] == "devices":
        if any(":pcie" in p for p in parts):
            return False
        if parts[2].startswith("pci"):
            return True
        if len(parts) < 4 or parts[2] != "virtual" or parts[3] not in VIRTUAL:
            return False
        # A distribution's kernel has sixteen of them, all empty.
        return not (len(parts) > 4 and re.match(r"(ram|loop|nbd)\d", parts[4]))
    if parts[1:3] == ["kernel", "irq"]:
        return parts[-1] == "chip_name"
    if parts[1] == "class":
        return len(parts) < 3 or parts[2] in CLASSES
    if parts[1] == "bus":
        return len(parts) < 3 or parts[2] in BUSES
    if parts[1] == "module":
        if len(parts) < 3 or parts[2] not in modules:
            return False
        return len(parts) < 4 or parts[3] in ("parameters", "drivers", "initstate")
    return True


def _driver_modules(facts):
    """Modules of the PCI drivers that are registered."""
    found = set(MODULES)
    for path, target in facts.links.items():
        m = re.fullmatch(r"sys/bus/pci/drivers/[^/]+/module", path)
        if m:
            found.add(posixpath.basename(target))
        m = re.fullmatch(r"sys/module/([^/]+)/drivers/pci:.*", path)
        if m:
            found.add(m[1])
    return found


def _add_files(archive, facts, modules):
    for path, lines in facts.files.items():
        name = posixpath.basename(path)
        if not _wanted_path(path, modules) or path.startswith(("lib/", "proc/")):
            continue
        if lines:
            archive.file(path, "\n".join(lines) + "\n")
        elif name in WRITE_ONLY:
            archive.write_only(path)
        elif name in MAY_BE_EMPTY or path.startswith("sys/firmware/"):
            archive.file(path, "")
    for path, data in facts.binary.items():
        if _wanted_path(path, modules) and data:
            archive.file(path, data)


def _add_proc(archive, facts):
    for path, lines in facts.files.items():
        if not path.startswith("proc/"):
            continue
        if path == "proc/cpuinfo":
            lines = [line for line in dict.fromkeys(lines) if line.startswith(CPUINFO)]
        if path == "proc/iomem":
            lines = [line for line in lines if line.endswith(FRAMEBUFFERS)]
        if path == "proc/modules":
            lines = [re.sub(r" 0x[0-9a-f]+", " 0x0000000000000000", line) for line in lines]
        archive.file(path, "".join(line + "\n" for line in lines))


# ---- modules -------------------------------------------------------------------------------------

def _module_of(path):
    return posixpath.basename(path).split(".")[0].replace("-", "_")


def _aliases(lines, modaliases):
    """Of what is there; everything of the VFIO kind, for functions that come later."""
    keep = []
    for line in lines:
        pattern = line.split()[1]
        if pattern.startswith("vfio_pci:") or any(
                fnmatch.fnmatchcase(m, pattern) for m in modaliases):
            keep.append(line)
    return keep


def _add_modules(archive, facts, modaliases):
    base = f"lib/modules/{facts.release}"
    alias = _aliases(facts.files.get(f"{base}/modules.alias", []), modaliases)
    deps = {}
    for line in facts.files.get(f"{base}/modules.dep", []):
        path, _, rest = line.partition(":")
        deps[_module_of(path)] = (line, [_module_of(p) for p in rest.split()])
    wanted = set(MODULES) | {line.split()[2] for line in alias} | _driver_modules(facts)
    for name in list(wanted):
        wanted.update(deps.get(name, ("", []))[1])

    fields = [f for f in facts.fields.get(f"{base}/modules.builtin.modinfo", [])
              if any(fnmatch.fnmatchcase(m, f.partition("=")[2]) for m in modaliases)]
    wanted.update(f.partition(".")[0] for f in fields)
    builtin = [p for p in facts.files.get(f"{base}/modules.builtin", []) if _module_of(p) in wanted]
    softdep = [s for s in facts.files.get(f"{base}/modules.softdep", [])
               if len(s.split()) > 1 and s.split()[1].replace("-", "_") in wanted]

    archive.directory(base)
    for name, lines in (("modules.alias", alias), ("modules.builtin", builtin),
                        ("modules.softdep", softdep),
                        ("modules.dep", [deps[n][0] for n in sorted(wanted) if n in deps])):
        if f"{base}/{name}" in facts.files:
            archive.file(f"{base}/{name}", "".join(line + "\n" for line in lines))
    if fields:
        archive.file(f"{base}/modules.builtin.modinfo", "".join(f + "\0" for f in fields))


# ---- links and directories -----------------------------------------------------------------------

def _existing(archive):
    paths = set()
    for path in archive.entries:
        while path:
            paths.add(path)
            path = posixpath.dirname(path)
    return paths


def _add_links(archive, facts, modules):
    """Those that lead to something that is kept; a link may make a directory worth keeping."""
    left = {p: t for p, t in facts.links.items()
            if _wanted_path(p, modules) and posixpath.basename(p) not in SKIP_LINKS and
            not posixpath.basename(p).startswith(("consumer:", "supplier:"))}
    # A function's bus numbers may repeat, and a link's directory may be a link: /sys/block/sda.
    while left:
        existing = _existing(archive)
        ready = {p: t for p, t in left.items()
                 if posixpath.normpath(posixpath.join("/", posixpath.dirname(p), t))[1:] in existing}
        if not ready:
            return
        for path, target in ready.items():
            archive.link(path, target)
            del left[path]


def _add_directories(archive, facts, modules):
    """Empty ones that say something: an IOMMU class without units, a driver without devices."""
    keep = re.compile(r"sys/(class/(iommu|net|block|vfio|vfio-dev|nvme)|kernel/iommu_groups|"
                      r"bus/pci/(drivers/[^/]+|slots|slots/[^/]+|devices)|module/[^/]+|"
                      r"devices/.*/(holders|slaves|vfio-dev/[^/]+|net/[^/]+|nvme/[^/]+)|"
                      r"devices/virtual/(iommu|vfio)/[^/]+)")
    for path in facts.directories:
        if keep.fullmatch(path) and _wanted_path(path, modules):
            archive.directory(path)


def reduce(facts):
    archive = Archive()
    modules = _driver_modules(facts)
    _add_files(archive, facts, modules)
    _add_directories(archive, facts, modules)
    _add_proc(archive, facts)
    modaliases = {lines[0] for path, lines in facts.files.items()
                  if lines and re.fullmatch(r"sys/devices/pci.*/[0-9a-f]{4,}:[^/]*/modalias", path)}
    _add_modules(archive, facts, modaliases)
    for path, (major, minor) in facts.nodes.items():
        archive.device(path, "c", major, minor)
    _add_links(archive, facts, modules)
    return archive
