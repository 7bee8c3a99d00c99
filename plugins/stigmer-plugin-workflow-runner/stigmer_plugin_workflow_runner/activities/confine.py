"""Confines itself and becomes another program: limits, no privileges, Landlock, and a filter of system calls.

Runs as a program of its own (`python -I -S confine.py '<json>'`), because none of this may be done between fork and
exec of a process with threads. Imports little: this start-up is paid by every process of a workflow.

`_SYSTEMS` has, by architecture: AUDIT_ARCH; the numbers of socket, clone and clone3; and of what nothing in a sandbox
needs, in this order: ptrace mount umount2 pivot_root chroot unshare setns bpf io_uring_setup keyctl add_key request_key
process_vm_readv process_vm_writev userfaultfd perf_event_open kexec_load init_module finit_module open_by_handle_at;
then setsid and setpgid, by which a process could leave the group that is killed.
"""

import ctypes
import json
import os
import platform
import resource
import stat
import struct
import sys

LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 444, 445, 446
_DEATH_SIGNAL, _SECCOMP, _DROP_CAPABILITY, _NO_NEW_PRIVILEGES = 1, 22, 24, 38  # of prctl
_READ = 1 << 0 | 1 << 2 | 1 << 3  # execute, read a file, list a directory
_OF_FILES = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15  # the rights that a rule about a file may name
_WITH_MORE_RIGHTS, _WITH_NETWORK, _WITH_SCOPES = (2, 3, 5), 4, 6  # versions of Landlock
_SCOPES, _TCP = 3, 3  # abstract unix sockets and signals; bind and connect
_SIGKILL, _CAPABILITIES = 9, 64
_EPERM, _EACCES, _ENOSYS = 1, 13, 38
_NEW_USER_NAMESPACE = 0x10000000

_SYSTEMS = {
    "x86_64": (0xC000003E, 41, 56, 435, [101, 165, 166, 155, 161, 272, 308, 321, 425, 250, 248, 249, 310, 311, 323,
                                         298, 246, 175, 313, 304, 112, 109]),
    "aarch64": (0xC00000B7, 198, 220, 435, [117, 40, 39, 41, 51, 97, 268, 280, 425, 219, 217, 218, 270, 271, 282,
                                            241, 104, 105, 273, 265, 157, 154]),
}  # fmt: skip
_libc = ctypes.CDLL(None, use_errno=True)


def main(text: str) -> None:
    """Confine this process as the JSON says, and become its `argv`."""
    wanted = json.loads(text)
    for name, value in wanted["limits"].items():
        limit = getattr(resource, f"RLIMIT_{name}")
        most = resource.getrlimit(limit)[1]
        bound = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(limit, (bound, bound))
    if sys.platform == "linux":
        _give_up_privileges()
        if wanted["landlock"]:
            _landlock(wanted["landlock"], wanted["readable"], wanted["writable"], network=wanted["network"])
            _filter_calls(network=wanted["network"])
    argv = wanted["argv"]
    os.execvpe(argv[0], argv, os.environ)  # noqa: S606 - this is what it is for


def landlock_abi() -> int:
    """Return the version of Landlock that the kernel has, 0 for none."""
    return max(int(_libc.syscall(LANDLOCK_CREATE, None, ctypes.c_size_t(0), 1)), 0) if sys.platform == "linux" else 0


def _give_up_privileges() -> None:
    """Die with the server, and drop every capability: fails for those that are not there, which is just as well."""
    _libc.prctl(_DEATH_SIGNAL, _SIGKILL, 0, 0, 0)
    for capability in range(_CAPABILITIES):
        _libc.prctl(_DROP_CAPABILITY, capability, 0, 0, 0)
    _checked(_libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0), "no new privileges")


def _landlock(abi: int, readable: list[str], writable: list[str], *, network: bool) -> None:
    rights = (1 << (13 + sum(abi >= version for version in _WITH_MORE_RIGHTS))) - 1
    fields = [rights, 0 if network else _TCP, _SCOPES][: 1 + (abi >= _WITH_NETWORK) + (abi >= _WITH_SCOPES)]
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    ruleset = _checked(_libc.syscall(LANDLOCK_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0), "a ruleset")
    for paths, allowed in ((readable, _READ), (writable, rights)):
        for path in paths:
            _allow(ruleset, path, allowed & rights)
    _checked(_libc.syscall(LANDLOCK_RESTRICT, ruleset, 0), "Landlock")
    os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        file = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    if not stat.S_ISDIR(os.fstat(file).st_mode):
        rights &= _OF_FILES
    rule = struct.pack("=Qi", rights, file)
    _checked(_libc.syscall(LANDLOCK_ADD, ruleset, 1, rule, 0), f"a rule for {path}")
    os.close(file)


def _filter_calls(*, network: bool) -> None:
    """Refuse system calls by seccomp, on architectures whose numbers are known.

    clone3 is not there, because its flags are out of reach: libc falls back to clone. The numbers from 0x40000000 on
    are those of x32 on x86_64. Of sockets AF_UNIX (1) is left when there is no network.
    """
    if platform.machine() not in _SYSTEMS:
        return
    architecture, socket, clone, clone3, refused = _SYSTEMS[platform.machine()]
    program = [_load(4), _when(0x15, architecture, 1, 0), _answer(0x80000000), _load(0)]
    program += [_when(0x35, 0x40000000, 0, 1), _refuse(_EPERM)]
    for number in refused:
        program += [_when(0x15, number, 0, 1), _refuse(_EPERM)]
    program += [_when(0x15, clone3, 0, 1), _refuse(_ENOSYS)]
    program += [_when(0x15, clone, 0, 3), _load(16), _when(0x45, _NEW_USER_NAMESPACE, 0, 1), _refuse(_EPERM), _load(0)]
    if not network:
        program += [_when(0x15, socket, 0, 3), _load(16), _when(0x15, 1, 1, 0), _refuse(_EACCES)]
    program.append(_answer(0x7FFF0000))
    code = ctypes.create_string_buffer(b"".join(program))
    header = struct.pack("@HP", len(program), ctypes.addressof(code))
    _checked(_libc.prctl(_SECCOMP, 2, header, 0, 0), "seccomp")


def _load(offset: int) -> bytes:
    return struct.pack("=HBBI", 0x20, 0, 0, offset)


def _when(operation: int, value: int, if_true: int, if_false: int) -> bytes:
    return struct.pack("=HBBI", operation, if_true, if_false, value)


def _answer(action: int) -> bytes:
    return struct.pack("=HBBI", 0x06, 0, 0, action)


def _refuse(error: int) -> bytes:
    return _answer(0x00050000 | error)


def _checked(result: int, what: str) -> int:
    if result < 0:
        sys.exit(f"the process cannot be confined: {what}: {os.strerror(ctypes.get_errno())}")
    return result


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except OSError as error:
        sys.stderr.write(f"the program cannot be started: {error}\n")
        sys.exit(127)
