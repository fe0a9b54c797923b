# SPDX-License-Identifier: LGPL-2.1-or-later
"""Debian packages through a private apt configuration.

The system's own configuration says which mirror and which keyring to use and is never changed:
further suites and foreign architectures live in lists of our own. Packages are verified by apt
against the signed indexes.
"""

import os
import re
import subprocess
from pathlib import Path

from . import cache
from .errors import RigError

CODENAME = "bookworm"
SUITES = (CODENAME, CODENAME + "-backports")
UPDATE_TIMEOUT = 300
DOWNLOAD_TIMEOUT = 900


def _apt_config():
    out = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True).stdout
    return dict(re.findall(r'^([\w:.-]+) "(.*)";$', out, re.M))


def _config_path(conf, part, default):
    etc = os.path.join(conf.get("Dir", "/"), conf.get("Dir::Etc", "etc/apt"))
    value = conf.get("Dir::Etc::" + part) or default
    return Path("/") / etc / value


def _parse_one_line(text):
    """deb [signed-by=… arch=…] URI SUITE COMPONENT…"""
    for line in text.splitlines():
        m = re.match(r"\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+([^#]*)", line)
        if not m:
            continue
        options = dict(o.partition("=")[::2] for o in (m[1] or "").split())
        yield {"uri": m[2], "suites": [m[3]], "components": m[4].split(),
               "signed-by": options.get("signed-by", "").replace(",", " "),
               "trusted": options.get("trusted", "")}


def _parse_deb822(text):
    for stanza in re.split(r"\n[ \t]*\n", text):
        fields, last = {}, None
        for line in stanza.splitlines():
            if line.startswith("#"):
                continue
            if line[:1] in " \t" and last:
                fields[last] += "\n" + line
                continue
            name, colon, value = line.partition(":")
            if colon:
                last = name.strip().lower()
                fields[last] = value.strip()
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "").lower() == "no":
            continue
        for uri in fields.get("uris", "").split():
            yield {"uri": uri, "suites": fields.get("suites", "").split(),
                   "components": fields.get("components", "").split(),
                   "signed-by": fields.get("signed-by", ""), "trusted": fields.get("trusted", "")}


def _system_sources():
    conf = _apt_config()
    main = _config_path(conf, "sourcelist", "sources.list")
    parts = _config_path(conf, "sourceparts", "sources.list.d")
    files = [main] if main.is_file() else []
    files += sorted(p for p in parts.glob("*") if p.suffix in (".list", ".sources"))
    for path in files:
        try:
            text = path.read_text()
        except OSError:
            continue
        yield from _parse_deb822(text) if path.suffix == ".sources" else _parse_one_line(text)


def find_mirror():
    """The entry of the system's configuration that serves the release's main archive."""
    for entry in _system_sources():
        if CODENAME in entry["suites"] and (not entry["components"] or "main" in entry["components"]):
            return entry
    raise RigError(f"no apt source for Debian's {CODENAME} main found in this system's apt "
                   "configuration; the tests take mirror and keyring from there")


def _deb822_key(value):
    """A Signed-By value: paths on one line, or an embedded key block kept with its indentation."""
    lines = value.split("\n")
    return "\n".join([lines[0]] + [" " + (l.strip() or ".") for l in lines[1:]])


class PrivateApt:
    """apt for one architecture with the suites the rig needs.

    With system=True the machine's own package state is used, to install packages of a suite
    that the machine's configuration does not have; otherwise the state is empty, so that asking
    for a package yields it with all of its dependencies.
    """

    def __init__(self, arch="amd64", system=False):
        self.arch = arch
        self.system = system
        # Backports never win by themselves: their packages are taken when named with a version
        # or a target release.
        self.suites = SUITES
        self.dir = cache.root() / "apt" / (arch + ("-system" if system else ""))

    def _write_config(self):
        mirror = find_mirror()
        for sub in ("lists/partial", "archives/partial", "etc"):
            (self.dir / sub).mkdir(parents=True, exist_ok=True)
        (self.dir / "status").touch()
        text = ["Types: deb", f"URIs: {mirror['uri']}", "Suites: " + " ".join(self.suites),
                "Components: main", f"Architectures: {self.arch}"]
        if mirror["signed-by"]:
            text.append("Signed-By: " + _deb822_key(mirror["signed-by"]))
        if mirror["trusted"]:
            text.append("Trusted: " + mirror["trusted"])
        (self.dir / "rig.sources").write_text("\n".join(text) + "\n")

    def one_line(self, suite):
        """A sources.list line for programs that want to be told the mirror."""
        mirror = find_mirror()
        options = [f"arch={self.arch}"]
        key = mirror["signed-by"]
        if "\n" in key:
            path = self.dir / "key.asc"
            path.write_text("\n".join("" if l.strip() == "." else l.strip()
                                      for l in key.strip().split("\n")) + "\n")
            key = str(path)
        if key:
            options.append("signed-by=" + ",".join(key.split()))
        if mirror["trusted"]:
            options.append("trusted=" + mirror["trusted"])
        return f"deb [{' '.join(options)}] {mirror['uri']} {suite} main"

    def _options(self):
        opts = {
            "Dir::Etc::sourcelist": f"{self.dir}/rig.sources",
            "Dir::Etc::sourceparts": "-",
            "Dir::Etc::preferencesparts": "-",
            "Dir::Etc::preferences": "-",
            "Dir::State::lists": f"{self.dir}/lists",
            "Dir::Cache::archives": f"{self.dir}/archives",
            # Container images switch apt's own cache off, which makes each query a full parse.
            "Dir::Cache::pkgcache": f"{self.dir}/pkgcache.bin",
            "Dir::Cache::srcpkgcache": f"{self.dir}/srcpkgcache.bin",
            "Acquire::Languages": "none",
            "Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled": "false",
            "Acquire::Retries": "2",
            "APT::Update::Post-Invoke": "",
            "APT::Sandbox::User": "root",
        }
        if not self.system:
            opts["Dir::State"] = str(self.dir)
            opts["Dir::State::status"] = f"{self.dir}/status"
            opts["Dir::Etc::trusted"] = "/etc/apt/trusted.gpg"
            opts["APT::Architecture"] = self.arch
            opts["APT::Architectures"] = self.arch
            opts["Debug::NoLocking"] = "true"
        args = []
        for k, v in opts.items():
            args += ["-o", f"{k}={v}"]
        return args

    def run(self, tool, *args, timeout=DOWNLOAD_TIMEOUT, cwd=None, quiet=True):
        cmd = [tool, *self._options(), *args]
        env = dict(os.environ, DEBIAN_FRONTEND="noninteractive", LC_ALL="C.UTF-8")
        try:
            p = subprocess.run(cmd, capture_output=quiet, text=True, timeout=timeout, cwd=cwd,
                               env=env, stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            raise RigError(f"{tool} {args[0]} did not finish in {timeout} s "
                           "(is the Debian mirror reachable?)") from None
        if p.returncode:
            tail = ((p.stderr or "") + (p.stdout or "")).strip()[-1500:] if quiet else "see above"
            raise RigError(f"{tool} {args[0]} failed ({p.returncode}): {tail}")
        return p.stdout or ""

    _fresh = set()

    def update(self):
        """Fetch the indexes; once per process is enough."""
        if str(self.dir) in self._fresh:
            return
        self._write_config()
        cache.say(f"reading package indexes ({self.arch}: {', '.join(self.suites)})")
        # apt-get update returns 0 when a mirror cannot be reached, unless told otherwise.
        self.run("apt-get", "update", "-q", "-o", "APT::Update::Error-Mode=any",
                 timeout=UPDATE_TIMEOUT)
        self._fresh.add(str(self.dir))

    def newest(self, pattern):
        """Highest-versioned package whose name matches the regular expression."""
        self.update()
        names = [n for n in self.run("apt-cache", "pkgnames").split() if re.fullmatch(pattern, n)]
        best = None
        if names:
            shown = self.run("apt-cache", "show", *names)
            for name, version in re.findall(r"^Package: (\S+)$.*?^Version: (\S+)$", shown,
                                            re.M | re.S):
                if best is None or _version_gt(version, best[1]):
                    best = (name, version)
        if best is None:
            raise RigError(f"no package matching {pattern!r} in {', '.join(self.suites)} "
                           f"({self.arch})")
        return best

    def download(self, specs, dest):
        """Packages NAME or NAME=VERSION, without their dependencies."""
        self.update()
        dest = Path(dest)
        dest.mkdir(parents=True, exist_ok=True)
        self.run("apt-get", "download", *specs, cwd=dest)
        return sorted(dest.glob("*.deb"))

    def closure(self, specs, dest):
        """Packages with everything they depend on; only useful with an empty state."""
        self.update()
        dest = Path(dest)
        (dest / "partial").mkdir(parents=True, exist_ok=True)
        self.run("apt-get", "-y", "-q", "--no-install-recommends", "--download-only",
                 "-o", f"Dir::Cache::archives={dest}", "install", *specs)
        return sorted(dest.glob("*.deb"))

    def install(self, specs, release):
        """Install on this machine."""
        self.update()
        self.run("apt-get", "-y", "-q", "--no-install-recommends", "-t", release,
                 "-o", "Dpkg::Options::=--force-confold", "install", *specs)


def _version_gt(a, b):
    return subprocess.run(["dpkg", "--compare-versions", a, "gt", b], check=False).returncode == 0


def unpack(debs, dest):
    """Unpack packages over one another in dest, with no link in it that leads out of it."""
    for deb in debs:
        fs = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE)
        tar = subprocess.run(["tar", "-x", "--keep-directory-symlink", "--no-same-owner",
                              "-C", str(dest)], stdin=fs.stdout, capture_output=True, text=True)
        fs.stdout.close()
        if fs.wait() or tar.returncode:
            raise RigError(f"unpacking {deb} failed: {tar.stderr.strip()}")
    _relative_links(dest)


def _relative_links(top):
    """An absolute link would lead to this machine's own file of that name."""
    for dirpath, dirnames, filenames in os.walk(top):
        for name in dirnames + filenames:
            path = Path(dirpath) / name
            if path.is_symlink() and os.readlink(path).startswith("/"):
                target = os.path.relpath(top / os.readlink(path).lstrip("/"), path.parent)
                path.unlink()
                path.symlink_to(target)
