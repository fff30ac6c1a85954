"""Writes the files that are generated: schemas for editors, and drawings of the sample."""

import json
from pathlib import Path
from typing import Final

from catalog import editor_schemas
from catalog.loader import SAMPLE, load
from drawing import case_definition

DOCS: Final = Path(__file__).parent


def main() -> None:
    """Write all files."""
    for name in editor_schemas.NAMES:
        text = json.dumps(editor_schemas.document(name), indent=2, ensure_ascii=False)
        (DOCS / f"schemas/{name}.json").write_text(f"{text}\n")
    for name, terms in load(SAMPLE).definitions.items():
        if terms.definition is not None:
            (DOCS / f"pictures/{name}.svg").write_text(case_definition.draw_svg(terms.definition))


if __name__ == "__main__":
    main()
