"""AC3: each step of store_acceptance.py is a test. They tell one story, so they run in their order.

IMPL chooses the implementation: c, python, typescript, or mine: a learner's own, by MINE.
ROUNDS=few leaves some of it out.
"""

import os

import pytest
from stack import engine_missing
from store_acceptance import IMPLEMENTATIONS, Store, Story, steps

NAME = os.environ.get("IMPL", "c")
STEPS = steps(os.environ.get("ROUNDS", "all"))
missing = engine_missing()
pytestmark = pytest.mark.skipif(bool(missing), reason=missing)


@pytest.fixture(scope="module")
def story(request):
    story = Story(Store(IMPLEMENTATIONS[NAME]))
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
