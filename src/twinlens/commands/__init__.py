"""Commands: one file per command, named as the user types it; `cli.py` lists them.

A command file defines, and nothing heavier than the standard library is imported before `run`:

    HELP: str                                            one line, for `twinlens --help`
    EXAMPLES: str                                        command lines, shown at the end of its own help
    add_arguments(parser: argparse.ArgumentParser) -> None
    run(args: argparse.Namespace) -> Mapping[str, object]    the result as JSON knows it (paths are allowed)

Every command gets `--json [FILE]` from the frame, which also writes what `run` returns. Before it returns, `run` prints
what people read, unless `_common.shows_view(args)` is False. A mistake that the user can mend is a TwinlensError.
"""
