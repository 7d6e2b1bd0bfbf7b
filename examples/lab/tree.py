"""The build tree that `examples/demo` and `examples/try` run from."""

import os
import subprocess
import sys

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


def quiet(*argv):
    done = subprocess.run(argv, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        sys.exit(f"{' '.join(argv)} failed:\n{done.stdout}{done.stderr}")
