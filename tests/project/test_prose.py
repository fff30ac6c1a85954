"""The check of docstrings that `make check` runs."""

import pytest

from docs.prose import problems_in


@pytest.mark.parametrize(
    "summary",
    ["What a thing is.", "Whether it is there.", "How it works.", "C3.", "C3, C6", "As it was."],
)
def test_a_summary_that_is_a_riddle_is_refused(summary: str) -> None:
    doc = f'"""{summary}"""'
    source = f"{doc}\nA = 1\n{doc}\nclass B:\n  {doc}\n  def c(self):\n    {doc}\n"
    assert [line for line, _ in problems_in(source)] == [1, 3, 5, 7]


@pytest.mark.parametrize(
    "summary", ["Return the item.", "Assignee of an item.", "Assign the item (C3).", "Whatsapp."]
)
def test_a_summary_that_names_the_thing_is_taken(summary: str) -> None:
    assert list(problems_in(f'"""{summary}\n\nWhat follows is free.\n"""\n')) == []
