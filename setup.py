"""What pyproject.toml cannot say: the extension modules, and that they use the stable ABI of CPython 3.9."""

import platform
import sys
import sysconfig
from pathlib import Path

from setuptools import setup

sys.path.insert(0, str(Path(__file__).parent))
import build_ffi

abi3 = platform.python_implementation() == "CPython" and not sysconfig.get_config_var("Py_GIL_DISABLED")
setup(
    cffi_modules=build_ffi.cffi_modules(),
    options={"bdist_wheel": {"py_limited_api": "cp39"}} if abi3 else {},
)
