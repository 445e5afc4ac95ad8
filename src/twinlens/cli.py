"""The command line: lists the files of `commands/`, parses, calls one, and turns its end into an exit code."""

from __future__ import annotations

import argparse
import atexit
import errno
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import NoReturn

from twinlens.commands import _common
from twinlens.core import extras, variants
from twinlens.core.escaping import escaped
from twinlens.core.types import TwinlensError
from twinlens.version import __version__

ORDER = (
    "demo",
    "index",
    "search",
    "explain",
    "serve",
    "mcp",
    "info",
    "duplicates",
    "forget",
    "push",
    "train",
    "evaluate",
    "compare",
    "embed",
    "export",
    "verify",
    "repair",
    "replay",
    "data",
    "doctor",
)
"""Commands as people come to use them."""
DONE, MISTAKE, STOPPED, PIPE_CLOSED, TERMINATED = 0, 2, 130, 141, 143


def entry() -> NoReturn:
    """Run one command line and end the process at once.

    What was to be done at the end is done; but the interpreter is not taken apart, which would take a tenth of the time
    of a search: the system takes back networks and modules by itself.
    """
    code = main()
    with suppress(KeyboardInterrupt):  # a second Ctrl-C waits for no thread
        threading._shutdown()  # type: ignore[attr-defined]  # ends executors left open, and waits for threads
    atexit._run_exitfuncs()  # as `sys.exit` does: a module may have left files or processes to be removed
    with suppress(OSError, ValueError):  # `main` has told of a stream that is closed
        sys.stderr.flush()
    os._exit(code)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code: 0 done, 1 different, 2 a mistake, 130 or 143 stopped."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    _ready_streams()
    with _ended_by_sigterm() as ended:
        try:
            with _plain_interrupts():
                code = _run(arguments)
            sys.stdout.flush()
        except TwinlensError as error:
            return _say(str(error), error.code)
        except ModuleNotFoundError as error:
            return _say(extras.missing(error, extras.EXTRA_OF_COMMAND.get(next(iter(arguments), ""))), MISTAKE)
        except BrokenPipeError:
            return _leave_the_pipe()
        except OSError as error:
            return _say(_line(error), MISTAKE)
        except KeyboardInterrupt:
            return _say("stopped; run the same command again to go on", ended.code)
    return code


def _ready_streams() -> None:
    """Put the null device in place of a stream that the shell has closed; print names that are no text as well."""
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - open to the end
    if sys.stderr is None:  # messages would go to standard output
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - open to the end
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # file names need not be text in the terminal's encoding


@contextmanager
def _plain_interrupts() -> Iterator[None]:
    """Raise KeyboardInterrupt for an error that was made of one, as imports of compiled modules do."""
    try:
        yield
    except Exception as error:
        if any(isinstance(cause, KeyboardInterrupt) for cause in _causes(error)):
            raise KeyboardInterrupt from error
        raise


def _causes(error: BaseException) -> list[BaseException]:
    """Return what an error was made of, each once: libraries have been seen to close the chain to a ring."""
    found = [error]
    while (cause := found[-1].__cause__) is not None and all(cause is not one for one in found):
        found.append(cause)
    return found


def _line(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    cure = "; make room and run the same command again" if error.errno in (errno.ENOSPC, errno.EFBIG) else ""
    return f"{where}{error.strerror or error}{cure}"


class _Ending:
    """The exit code of a command that is stopped."""

    code = STOPPED


@contextmanager
def _ended_by_sigterm() -> Iterator[_Ending]:
    """Let SIGTERM end a command as Ctrl-C does: workers end, finished work is kept. A second one ends it at once."""
    ending = _Ending()

    def end(number: int, _frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        ending.code = TERMINATED
        raise KeyboardInterrupt

    in_charge = (
        threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    )
    if in_charge:
        signal.signal(signal.SIGTERM, end)
    try:
        yield ending
    finally:
        if in_charge:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


class _Parser(argparse.ArgumentParser):
    """Parses as its base does; what it repeats of a wrong argument is `escaped`."""

    def error(self, message: str) -> NoReturn:
        super().error(escaped(message))

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """Exit as the base does, once the help is written; a full device is told as by any command."""
        sys.stdout.flush()
        super().exit(status, message)


def build_parser(commands: Sequence[str]) -> argparse.ArgumentParser:
    """Build the parser of these commands; importing a command's file costs next to nothing, running it may not."""
    parser = _Parser(
        prog="twinlens",
        description="Find images with two lenses at once: a picture and a sentence.",
        epilog="twinlens COMMAND --help tells more about one command.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"twinlens {__version__}")
    listing = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    for name in commands:
        _add_command(listing, name)
    return parser


def _add_command(listing: argparse._SubParsersAction[_Parser], name: str) -> None:
    command = variants.load("commands", name)
    examples = "\n".join(f"  {line.strip()}" for line in command.EXAMPLES.strip().splitlines())
    parser = listing.add_parser(
        name,
        help=command.HELP.replace("%", "%%"),
        description=command.HELP,
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.add_arguments(parser)
    _common.add_json(parser)
    parser.set_defaults(run=command.run)


def _in_order(names: Sequence[str]) -> list[str]:
    """Sort commands by the order in which people use them; others come last, by name."""
    return sorted(names, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))


def _run(arguments: list[str]) -> int:
    named = next(iter(arguments), "-")
    if not named.startswith("-"):
        variants.load("commands", named)  # an unknown one is told with the known and the closest
    parser = build_parser(_in_order(variants.names("commands")) if named.startswith("-") else [named])
    args = parser.parse_args(arguments)
    if args.command is None:
        parser.print_help(sys.stderr)
        return MISTAKE
    _common.check_json(args)
    with _allowing(getattr(args, "allow_plugin", ())):
        _common.emit(args.run(args), args)
    return DONE


def _allowing(names: Sequence[str]) -> AbstractContextManager[None]:
    """Return the context in which the plug-ins of `--allow-plugin` may run."""
    if not names:
        return nullcontext()
    from twinlens.core import plugins

    return plugins.allowing(names)


def _say(message: str, code: int) -> int:
    with suppress(OSError):  # where nobody can be told, the code tells
        _common.say(f"twinlens: {' '.join(message.splitlines())}", to_errors=True)
    return code


def _leave_the_pipe() -> int:
    """Silence the interpreter's complaint at exit that the reader of our output has left."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return PIPE_CLOSED
