"""Writes the files that are generated: schemas for editors, and drawings of the sample."""

import json
from pathlib import Path
from typing import Final

from catalog import editor_schemas
from catalog.loader import SAMPLE_FOLDER, load_catalog
from drawing import case_definition

DOCS: Final = Path(__file__).parent


def main() -> None:
    """Write all files."""
    for name in editor_schemas.SCHEMA_NAMES:
        text = json.dumps(editor_schemas.editor_schema(name), indent=2, ensure_ascii=False)
        (DOCS / f"schemas/{name}.json").write_text(f"{text}\n")
    for name, terms in load_catalog(SAMPLE_FOLDER).definitions.items():
        if terms.definition is not None:
            (DOCS / f"pictures/{name}.svg").write_text(case_definition.draw_svg(terms.definition))


if __name__ == "__main__":
    main()
