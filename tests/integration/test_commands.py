"""What all commands have in common: help, the version, wrong words, and an output that goes nowhere."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from binary import REGIONFIT, run
from objects import pod, pool
from server import write_manifests

COMMANDS = ["serve", "dry-run", "lint", "status", "probe", "certs"]
COMMANDS += [f"certs {verb}" for verb in ("create", "renew", "rotate-ca", "show")]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_every_command_has_its_help(command: str, option: str) -> None:
    done = run(*command.split(), option)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: regionfit {command}")
    assert all(len(line) <= 110 for line in done.stdout.splitlines())


@pytest.mark.parametrize("word", ["--help", "-h", "help"])
def test_the_program_lists_its_commands(word: str) -> None:
    done = run(word)
    assert (done.returncode, done.stderr) == (0, "")
    for command in ("serve", "dry-run", "lint", "status", "probe", "certs", "version"):
        assert re.search(rf"^  {command} ", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("word", ["version", "--version"])
def test_the_version_is_one_line(word: str) -> None:
    done = run(word)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"regionfit \d+\.\d+\.\d+\S*\n", done.stdout)


@pytest.mark.parametrize(
    "words",
    ["", "frobnicate", "--frobnicate", "version now", "certs", "certs frob"]
    + [f"{command} --frobnicate" for command in COMMANDS]
    + [f"{command} -Z" for command in COMMANDS],
    ids=lambda words: words or "no word at all",
)
def test_words_that_mean_nothing_are_wrong_usage(words: str) -> None:
    done = run(*words.split())
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr


@pytest.mark.parametrize("form", ["patch", "explain", "yaml", "json", "diff", "review"])
def test_an_output_that_cannot_be_written_is_a_failure(tmp_path: Path, form: str) -> None:
    objects = write_manifests(tmp_path / "manifests", *pool(1), pod())
    assert write_to_full_disk("dry-run", "-f", str(objects), "-o", form) == 1


@pytest.mark.parametrize("words", ["version", "--help"] + [f"{command} --help" for command in COMMANDS[:5]])
def test_even_help_that_cannot_be_written_is_a_failure(words: str) -> None:
    assert write_to_full_disk(*words.split()) == 1


def write_to_full_disk(*words: str) -> int:
    with open("/dev/full", "w") as full:
        done = subprocess.run([REGIONFIT, *words], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert "standard output" in done.stderr
    return done.returncode
