"""Lets `lit tests/filecheck` run the same files with the real commands."""

import os
import sys

import lit.formats

config.name = "nnc"  # noqa: F821
config.test_format = lit.formats.ShTest(execute_external=False)  # noqa: F821
config.suffixes = [".mlir"]  # noqa: F821
config.environment["PATH"] = os.pathsep.join(  # noqa: F821
    (os.path.dirname(sys.executable), os.environ["PATH"])
)
