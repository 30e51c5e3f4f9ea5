"""Child processes that end with the test: by the kernel when the test dies, by stop() otherwise. No sleeping: whoever
waits, waits for a condition with a deadline and notices at once when the process is gone."""
import ctypes
import os
import random
import signal
import socket
import subprocess
import time

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1
_held_ports = {}  # port: the socket whose name says that it is taken


def spawn(argv, death_signal=signal.SIGKILL, **options):
    """Popen of a child that gets `death_signal` when this thread ends."""
    parent = os.getpid()

    def die_with_parent():
        _libc.prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return subprocess.Popen(argv, preexec_fn=die_with_parent, **options)


def pause(process, seconds):
    """Waits so long, or until the process ends; true while it lives."""
    try:
        process.wait(timeout=max(seconds, 0.0001))
        return False
    except subprocess.TimeoutExpired:
        return True


def wait_until(condition, process, seconds, what):
    """The first true answer of condition(); RuntimeError when the process ends or the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if not pause(process, 0.02):
            said = process.stderr.read() if process.stderr else ""
            raise RuntimeError(f"{what}: the process ended with {process.returncode} {said}")
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what}: not after {seconds} s")


def end(process, sig=signal.SIGTERM, seconds=30):
    """Ends the process, by force when it does not obey, and answers its exit status."""
    if process.poll() is None:
        process.send_signal(sig)
        if pause(process, seconds):
            process.kill()
    return process.wait()


def free_port():
    """A port that is free now, from below the range that the kernel gives to outgoing connections: it stays ours while
    a server is down between two starts. No other test on this machine gets it until release_port() or the end of this
    process: an abstract name is held for it, which goes with the process. Whether it is free is asked by connecting:
    a socket bound to it for a try would live on for a moment in a child that another thread makes just then."""
    while True:
        port = random.SystemRandom().randrange(20000, 32000)
        hold = socket.socket(socket.AF_UNIX)
        try:
            hold.bind(f"\0sluice-test-port-{port}")
        except OSError:
            hold.close()
            continue
        with socket.socket() as s:
            taken = s.connect_ex(("127.0.0.1", port)) == 0
        if taken:
            hold.close()
            continue
        _held_ports[port] = hold
        return port


def release_port(port):
    """What free_port() gave may be given again."""
    hold = _held_ports.pop(port, None)
    if hold:
        hold.close()
