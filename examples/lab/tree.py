"""The build tree that `examples/demo` and `examples/try` run from."""

import os
import subprocess
import sys
import tempfile

from .site import build_tree


def prepare(top, install):
    """Installs what is missing, builds; paths of the executable and the plugins."""
    kinds = [] if install else ["--no-install"]
    done = subprocess.run([os.path.join(top, "tests", "packages"), *kinds, "build", "demo"],
                          check=False, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        sys.exit(done.returncode)
    build, binary, plugins = build_tree(top)
    if not os.path.exists(os.path.join(build, "build.ninja")):
        quiet("meson", "setup", build, top, "-Dtests=disabled")
    quiet("ninja", "-C", build)
    return binary, plugins


def lacking(binary, plugins, tunnel):
    """What hmipd says this machine lacks for that tunnel plugin; nothing: an empty list."""
    with tempfile.TemporaryDirectory(prefix="hmipd-check-") as where:
        config = os.path.join(where, "hmipd.conf")
        with open(config, "w", encoding="ascii") as file:
            file.write(f"[hmipd]\nrole = ch\nauth = none\ntunnel = {tunnel}\nplugin-dir = {plugins}\n"
                       f"state-dir = {where}\n[ch]\ninterface = lo\n")
        done = subprocess.run([binary, "--check-system", f"--config={config}"], capture_output=True, text=True,
                              check=False, stdin=subprocess.DEVNULL)
    if done.returncode == 0:
        return []
    said = [line.removeprefix("missing: ") for line in done.stdout.splitlines() if line.startswith("missing: ")]
    return said or [done.stderr.strip() or f"--check-system: exit {done.returncode}"]


def quiet(*argv):
    done = subprocess.run(argv, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        sys.exit(f"{' '.join(argv)} failed:\n{done.stdout}{done.stderr}")
