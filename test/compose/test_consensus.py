"""AC5: each step of consensus_acceptance.py is a test, in their order: they tell one story.

IMPL chooses the implementation: c.
"""

import os

import pytest
from consensus_acceptance import IMPLEMENTATIONS, Consensus, Story, steps
from stack import engine_missing

NAME = os.environ.get("IMPL", "c")
STEPS = steps()
missing = engine_missing()
pytestmark = pytest.mark.skipif(bool(missing), reason=missing)


@pytest.fixture(scope="module")
def story(request):
    story = Story(Consensus(IMPLEMENTATIONS[NAME]))
    failures_before = request.session.testsfailed
    try:
        story.stack.up()
        yield story
    finally:
        try:
            if request.session.testsfailed > failures_before or not story.kills:
                print(story.stack.compose("ps", "--all"))
                print(story.stack.compose("logs", "--tail", "60", "--timestamps"))
        finally:
            story.stack.remove()


@pytest.mark.parametrize(("title", "step"), STEPS, ids=[title for title, _ in STEPS])
def test_that(story, title, step, capsys):
    step(story)
    if (title, step) == STEPS[-1]:
        with capsys.disabled():
            print(f"\n{story.words}")
