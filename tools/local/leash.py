"""Runs a program that cannot outlive its owner: `leash.py SIGNAL UID OWNER_PID program arguments…`.

The project's only file that is run by path: it starts before every server, so it imports next to nothing.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Become the given user, ask the kernel for the signal at the owner's death, turn into the program."""
    death_signal, uid, owner, program = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if uid >= 0:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
    if libc is not None:
        libc.prctl(_PR_SET_PDEATHSIG, death_signal)  # after setuid, which would clear it
    if os.getppid() != owner:
        sys.exit("the owner died before its child began")
    os.execv(program[0], program)  # noqa: S606  no shell is wanted


if __name__ == "__main__":
    main()
