"""A maskwright command over many machines: its shards run on Ray's workers and are merged to one process's result.

    python maskwright_ray.py [--shards N …] annotate --images … --out DIR

What stands behind the job's own options is the command as one would give it to maskwright. Each shard is that command
with --shard I/N in a folder of its worker. The lines of its log come here as they are written, so that a lost worker
loses at most the items in hand: the next one gets the lines and goes on. No storage is shared but what the command
reads. A worker that was given up and still runs harms nobody: nobody reads what it writes any more.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import ray
from ray.exceptions import RayError

BUNDLE = Path(__file__).resolve().parent.parent / "out" / "main" / "cli.js"
# What a run consists of, for the command line: the stamp of its settings, the log of its items, what a teacher wrote.
STAMP, LOG, THOUGHTS = "run.json", "progress.jsonl", "thoughts.jsonl"
# What each of the commands writes last.
REPORT = "report.json"
OK, ITEMS_FAILED, USAGE, FAILED, INTERRUPTED = 0, 1, 2, 3, 130
POLL_SECONDS = 0.5
PR_SET_PDEATHSIG = 1


class JobError(Exception):
    """What the person has to know, with the exit code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Part:
    """What a worker tells of its shard: `added` bytes of files by their name, and in the end the exit code."""

    added: dict[str, bytes] = field(default_factory=dict)
    code: int | None = None
    reason: str = ""


def _die_with_parent() -> None:
    """A worker that is killed takes its command with it (Linux); otherwise it would use the machine for nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def run_shard(command: list[str], cwd: str, before: dict[str, bytes]) -> Iterator[Part]:
    """Runs on a worker: the command in a folder that holds `before`, the files of earlier attempts."""
    with tempfile.TemporaryDirectory(prefix="maskwright-shard-") as folder:
        sent: dict[str, int] = {}
        for name, content in before.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            sent[name] = len(content)
        with tempfile.TemporaryFile() as errors:
            child = subprocess.Popen(
                [*command, "--out", folder],
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                preexec_fn=_die_with_parent,
            )
            try:
                while child.poll() is None:
                    time.sleep(POLL_SECONDS)
                    if added := _news(folder, sent):
                        yield Part(added)
                errors.seek(0)
                reason = _last_words(errors.read().decode(errors="replace"))
                yield Part(_news(folder, sent), exit_code(child.returncode, Path(folder, REPORT), None), reason)
            finally:
                child.kill()


def _run_files(folder: Path) -> list[Path]:
    """Also of the runs inside a run: an evaluation has one for each turn budget."""
    return [path for name in (STAMP, LOG, THOUGHTS) for path in folder.rglob(name)]


def exit_code(code: int, report: Path, before: int | None) -> int:
    """Node ends with 1 too when it crashes; then there is no new report. `before`: when the old one was written, ns."""
    is_new = report.exists() and report.stat().st_mtime_ns != before
    return code if code != ITEMS_FAILED or is_new else FAILED


def _last_words(stderr: str) -> str:
    """From the command's own message on, without the progress before it."""
    start = stderr.rfind("maskwright: ")
    return (stderr[start:] if start >= 0 else stderr[-1000:]).strip() or "it ended without a word"


def _news(folder: str, sent: dict[str, int]) -> dict[str, bytes]:
    """Whole lines that were written since the last time; notes them in `sent`."""
    news = {}
    for path in _run_files(Path(folder)):
        name = path.relative_to(folder).as_posix()
        with path.open("rb") as file:
            file.seek(sent.get(name, 0))
            added = file.read()
        added = added[: added.rfind(b"\n") + 1]
        if added:
            sent[name] = sent.get(name, 0) + len(added)
            news[name] = added
    return news


class Shard:
    """One shard as it is known here."""

    def __init__(self, index: int, count: int, folder: Path) -> None:
        self.name = f"{index}/{count}"
        self.folder = folder
        # Items of all shards together, by the run's folder.
        self.totals: dict[str, int] = {}
        # Items by key: whether they are done.
        self.items: dict[str, bool] = {}
        for name, content in self.files().items():
            self._read(name, content)

    def files(self) -> dict[str, bytes]:
        """Whole lines of what is here; a line that a killed job tore is dropped, here too."""
        files = {}
        for path in _run_files(self.folder):
            content = path.read_bytes()
            whole = content[: content.rfind(b"\n") + 1]
            if whole != content:
                path.write_bytes(whole)
            files[path.relative_to(self.folder).as_posix()] = whole
        return files

    def add(self, added: dict[str, bytes]) -> None:
        for name, content in added.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as file:
                file.write(content)
            self._read(name, content)

    def _read(self, name: str, content: bytes) -> None:
        if name.endswith(STAMP):
            run = json.loads(content)
            self.totals[name] = run["targets"]["n"] * run.get("synthesis", {}).get("perTarget", 1)
        elif name.endswith(LOG):
            for line in content.splitlines():
                item = json.loads(line)
                self.items[f"{name} {item['key']}"] = item.get("ok", True)


class Job:
    def __init__(self, options: argparse.Namespace, command: list[str], out: Path) -> None:
        self.options = options
        self.command = command
        folders = [out / "shards" / f"{i}-of-{options.shards}" for i in range(1, options.shards + 1)]
        self.shards = [Shard(i, options.shards, folder) for i, folder in enumerate(folders, 1)]
        self.errors: dict[str, str] = {}
        self.started = time.monotonic()
        self.before = self._done()

    async def run(self) -> None:
        """
        Runs every shard to its end.

        :raises JobError: when the command is wrong, or shards failed for good (the others are finished first)
        """
        display = asyncio.create_task(self._display())
        try:
            await asyncio.gather(*[self._run_shard(shard) for shard in self.shards])
        finally:
            display.cancel()
            self._say_progress()
        if self.errors:
            reasons = "".join(f"\n  shard {name}: {reason}" for name, reason in self.errors.items())
            raise JobError(f"These shards failed; the same command goes on from here:{reasons}", FAILED)

    async def _run_shard(self, shard: Shard) -> None:
        attempts = 0
        while attempts < self.options.attempts:
            known = len(shard.items)
            code, reason = await self._attempt(shard)
            if code in (OK, ITEMS_FAILED):
                self.errors.pop(shard.name, None)
                return
            if code == USAGE:
                raise JobError(reason, USAGE)
            # On machines that come and go, what counts are attempts that lead nowhere.
            attempts = 1 if len(shard.items) > known else attempts + 1
            self.errors[shard.name] = reason
            say(f"shard {shard.name} was lost: {reason}")

    async def _attempt(self, shard: Shard) -> tuple[int | None, str]:
        remote = ray.remote(num_cpus=self.options.cpus, num_gpus=self.options.gpus, max_retries=0)(run_shard)
        command = [*self.options.cli, *self.command, "--shard", shard.name]
        stream = remote.options(num_returns="streaming", name=f"shard {shard.name}").remote(
            command, os.getcwd(), shard.files()
        )
        try:
            async for reference in stream:
                part = await reference
                shard.add(part.added)
                if part.code is not None:
                    return part.code, part.reason
        except RayError as error:
            return None, f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
        return None, "its worker ended without a word"

    def _done(self) -> int:
        return sum(len(shard.items) for shard in self.shards)

    async def _display(self) -> None:
        while True:
            await asyncio.sleep(self.options.progress)
            self._say_progress()

    def _say_progress(self) -> None:
        done = self._done()
        total = max((sum(shard.totals.values()) for shard in self.shards), default=0) or None
        failed = sum(not ok for shard in self.shards for ok in shard.items.values())
        rate = (done - self.before) / max(time.monotonic() - self.started, 1e-9)
        of = "" if total is None else f"/{total}"
        left = "–" if total is None or rate == 0 else f"{max(0, total - done) / rate:.0f} s"
        say(f"{done}{of} items, {failed} failed, {rate:.2g} items/s, ETA {left}")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def finish(options: argparse.Namespace, command: list[str], out: Path) -> int:
    """Merges the shards and lets the command itself write its results; gives its exit code."""
    shards = [str(out / "shards" / f"{i}-of-{options.shards}") for i in range(1, options.shards + 1)]
    merge = subprocess.run([*options.cli, "merge", *shards, "--out", str(out)], capture_output=True, text=True)
    if merge.returncode != OK:
        raise JobError(_last_words(merge.stderr), USAGE if merge.returncode == USAGE else FAILED)
    report = out / REPORT
    before = report.stat().st_mtime_ns if report.exists() else None
    run = subprocess.run([*options.cli, *command, "--keep-failed", "--out", str(out)])
    return exit_code(run.returncode, report, before)


def parse(arguments: list[str]) -> tuple[argparse.Namespace, list[str], Path]:
    parser = argparse.ArgumentParser(
        description="Runs a maskwright command on the workers of a Ray cluster, with the result of one process.",
        epilog="Exit codes: 0 all done; 1 done, items failed; 2 wrong command; 3 shards failed; 130 interrupted.",
    )
    parser.add_argument("--shards", type=int, default=16, help="parts of the data set (default 16)")
    parser.add_argument("--cpus", type=float, default=2, help="CPUs of a shard (default 2)")
    parser.add_argument("--gpus", type=float, default=0, help="GPUs of a shard (default 0)")
    parser.add_argument("--attempts", type=int, default=3, help="attempts without progress (default 3)")
    parser.add_argument("--address", help="address of the cluster (default: RAY_ADDRESS, else one on this machine)")
    parser.add_argument("--progress", type=float, default=5, help="seconds between lines of progress (default 5)")
    parser.add_argument("--cli", type=str.split, default=["node", str(BUNDLE)], help="the command line on the workers")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="annotate | eval | synthesize … --out DIR")
    options = parser.parse_args(arguments)
    of_command = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    of_command.add_argument("--out")
    of_command.add_argument("--shard")
    known, command = of_command.parse_known_args(options.command)
    if options.shards < 1 or options.attempts < 1:
        parser.error("--shards and --attempts are at least 1")
    if not command or command[0].startswith("-"):
        parser.error("which command? For example: annotate --images … --out DIR")
    if known.out is None or known.shard is not None:
        parser.error("the command needs --out, and no --shard: that is what this job gives it")
    return options, command, Path(known.out).resolve()


def main(arguments: list[str]) -> int:
    options, command, out = parse(arguments)
    others = [f for f in out.glob("shards/*-of-*") if not f.name.endswith(f"-of-{options.shards}")]
    try:
        if others:
            raise JobError(f"{out} holds other shards ({others[0].name}): repeat --shards or clear it.", USAGE)
        ray.init(address=options.address, log_to_driver=False, logging_level="ERROR")
        asyncio.run(Job(options, command, out).run())
        return finish(options, command, out)
    except JobError as error:
        say(f"maskwright_ray: {error}")
        return error.code
    except KeyboardInterrupt:
        say("maskwright_ray: interrupted; the same command goes on from here")
        return INTERRUPTED
    finally:
        ray.shutdown()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
