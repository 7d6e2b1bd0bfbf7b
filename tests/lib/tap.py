"""Tests that are functions named test_*, reported as TAP: a docstring or the name is the sentence."""

import os
import sys
import traceback

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "examples"))


class Skip(Exception):
    """Raised by a test that cannot run here; the text is the reason."""


def expect(condition, text):
    if not condition:
        raise AssertionError(text)


def expect_eq(got, want, what="value"):
    if got != want:
        raise AssertionError(f"{what}: got {got!r}, want {want!r}")


def main(module, needs_root=True):
    """Runs the module's tests in order; exit status for meson's protocol tap."""
    tests = [(name, f) for name, f in vars(module).items() if name.startswith("test_") and callable(f)]
    print(f"1..{len(tests)}", flush=True)
    for number, (name, test) in enumerate(tests, 1):
        sentence = name[5:].replace("_", " ")
        try:
            if needs_root and os.geteuid() != 0:
                raise Skip("network namespaces need root")
            test()
            print(f"ok {number} - {sentence}", flush=True)
        except Skip as reason:
            print(f"ok {number} - {sentence} # SKIP {reason}", flush=True)
        except Exception as error:  # a test may fail in any way; the next one runs all the same
            print(f"not ok {number} - {sentence}", flush=True)
            print("\n".join("# " + line for line in traceback.format_exc().splitlines()), flush=True)
            print("\n".join("# " + line for line in str(error).splitlines()), flush=True)
    return 0
