"""Compile the catalogs, or check them: `python -m i18n`, `python -m i18n --check`."""

import argparse
import sys

from babel.messages.pofile import PoFileError

from i18n import catalogs, usage
from i18n.translations import DEFAULT_LANGUAGE, LANGUAGES


def main() -> int:
    """Run the command line; return 1 if the catalogs have problems."""
    parser = argparse.ArgumentParser(prog="python -m i18n", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; print the problems of the catalogs"
    )
    try:
        if not parser.parse_args().check:
            catalogs.compile_catalogs()
            return 0
        messages = catalogs.messages_of(catalogs.read_catalog(DEFAULT_LANGUAGE))
        problems = [*catalogs.problems(), *usage.problems(messages, usage.find_uses())]
    except PoFileError as error:
        problems = [str(error)]
    if problems:
        sys.stderr.write("".join(f"{line}\n" for line in problems))
        return 1
    sys.stdout.write(f"{len(messages)} messages in {len(LANGUAGES)} languages: complete\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
