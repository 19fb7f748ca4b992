# The commands of this project; each is one line, and what it does stands in tools/ and tox.ini.
# Works with GNU make and BSD make. `make help` lists the targets.

PYTHON = python3
CHECK = $(PYTHON) tools/check.py

help:
	@echo "make demo            send a directory over SCTP and show how; ARGS='DIR --backend usrsctp'"
	@echo "make docs            write docs/options.md and docs/rfc6458.md; the unit tests check them"
	@echo "make site            check all pages, and make a site of them with Sphinx, in .tox/docs/site"
	@echo "make test            everything below, on every interpreter found here (ends with N passed, N failed, N skipped)"
	@echo "make lint            ruff, import layers, C warnings as errors"
	@echo "make types           mypy --strict"
	@echo "make unit            unit tests and contract suite on this interpreter"
	@echo "make usrsctp         the same on every interpreter found here"
	@echo "make linux-uml       contract suite on a real Linux kernel, booted in user mode"
	@echo "make interop         the Linux kernel's SCTP and usrsctp with each other"
	@echo "make linux-qemu      contract suite on Debian's own kernels, in QEMU; SCTPFFI_KERNELS=RELEASE,... (not in make test)"
	@echo "make freebsd-vm      contract suite on FreeBSD, in QEMU; SCTPFFI_FREEBSD_IMAGE=FILE, docs/freebsd.md (not in make test)"
	@echo "make fuzz            arbitrary values and bytes; SCTPFFI_FUZZ_EXAMPLES=100000 for more"
	@echo "make asan            decoding, fuzzing and a part of the contract suite with AddressSanitizer"
	@echo "make bench           speed beside C, pysctp and CPython's sockets; ARGS='--quick --backend usrsctp', or --help"
	@echo "make freebsd-cross   build for FreeBSD and check its ABI, without FreeBSD"
	@echo "make wheel           sdist and wheel as they are published, checked and tried; in .tox/wheel/wheel"
	@echo "make clean           remove everything that was built"

demo:
	$(PYTHON) tools/bootstrap.py demo
	.venv/bin/sctpffi demo $(ARGS)

test:
	$(CHECK)

unit:
	$(CHECK) --only this

usrsctp:
	$(CHECK) --only usrsctp

lint types linux-uml interop fuzz asan freebsd-cross wheel linux-qemu freebsd-vm freebsd-vm-offline debian-vm:
	$(CHECK) --only $@

bench:
	$(PYTHON) tools/benchmark.py $(ARGS)

docs:
	$(PYTHON) tools/docs.py write

site:
	$(CHECK) --only docs

clean:
	rm -rf .venv .tox .cache .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .benchmarks
	rm -rf build dist *.egg-info sctpffi/backends/_build_info.py sctpffi/backends/_ffi_*
	find sctpffi tools tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help demo test unit usrsctp lint types linux-uml fuzz asan freebsd-cross bench wheel interop site docs clean
.PHONY: linux-qemu freebsd-vm freebsd-vm-offline debian-vm
