"""A process that a test may freeze and kill."""

import signal
import subprocess
from dataclasses import dataclass, field


@dataclass
class Child:
    """`child` is the process while it runs."""

    child: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def kill(self) -> None:
        if self.child is not None:
            self.child.kill()
            self.child.wait(30)
            self.child = None

    def freeze(self) -> None:
        """Connections are still taken, by the system, and nothing is answered."""
        assert self.child is not None
        self.child.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.child is not None
        self.child.send_signal(signal.SIGCONT)
