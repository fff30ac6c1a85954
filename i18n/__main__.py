"""Compile the catalogs, or check them: `python -m i18n`, `python -m i18n --check`."""

import argparse
import sys

from babel.messages.pofile import PoFileError

from i18n import catalogs, usage
from i18n.translations import DEFAULT, LANGUAGES


def main() -> int:
    """Do what the command line asks for; 1 if something is wrong with the catalogs."""
    parser = argparse.ArgumentParser(prog="python -m i18n", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; say what is wrong")
    try:
        if not parser.parse_args().check:
            catalogs.compile_catalogs()
            return 0
        messages = catalogs.messages_of(catalogs.read(DEFAULT))
        found = [*catalogs.problems(), *usage.problems(messages, usage.uses())]
    except PoFileError as error:
        found = [str(error)]
    if found:
        sys.stderr.write("".join(f"{line}\n" for line in found))
        return 1
    sys.stdout.write(f"{len(messages)} messages in {len(LANGUAGES)} languages: complete\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
