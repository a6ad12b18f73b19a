"""AC4: each step of chat_acceptance.py is a test. They tell one story, so they run in their order.

IMPL chooses the implementation: so far c alone.
"""

import os

import pytest
from chat_acceptance import IMPLEMENTATIONS, Chat, Story, steps
from stack import engine_missing

NAME = os.environ.get("IMPL", "c")
STEPS = steps()
missing = engine_missing()
pytestmark = pytest.mark.skipif(bool(missing), reason=missing)


@pytest.fixture(scope="module")
def story(request):
    story = Story(Chat(IMPLEMENTATIONS[NAME]))
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
