"""Runs quartet-load and believes it only if it says that nothing went wrong."""

import json
import subprocess


class LoadError(Exception):
    """The load generator reported an error: the measurement is void."""


class Load:
    def __init__(self, program, seconds, warmup):
        self.program, self.seconds, self.warmup = program, seconds, warmup

    def run(self, mode, timeout_s=600, **options):
        """One run. Options are the program's own, underscores for hyphens; True is a bare flag."""
        words = [self.program, mode]
        for name, value in options.items():
            flag = "--" + name.replace("_", "-")
            words += [flag] if value is True else [flag, str(value)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=timeout_s)
        try:
            result = json.loads(done.stdout)
        except ValueError:
            raise LoadError(f"{' '.join(words)}: {done.stderr.strip()}") from None
        if done.returncode != 0 or result.get("errors", 1) != 0:
            raise LoadError(f"{' '.join(words)}: {result.get('error', 'failed')}")
        return result

    def timed(self, mode, server, **options):
        """A run by time against one server, with the server's own processor time."""
        return self.run(
            mode,
            address=server.address,
            server_pid=server.pid,
            seconds=self.seconds,
            warmup=self.warmup,
            **options,
        )

    def fill(self, server, jobs, payload=64):
        """Puts so many jobs as fast as it goes."""
        return self.run(
            "put",
            address=server.address,
            count=jobs,
            payload=payload,
            connections=8,
            pipeline=64,
            timeout_s=3600,
        )
