"""AC2: each step of acceptance.py is a test. They tell one story, so they run in their order.

IMPL chooses the implementation: c, python, typescript, beanstalkd itself, or mine: a learner's own,
here one who has copied our solution. ROUNDS=few takes one round of each kind, a minute in all.
"""

import os

import learner
import pytest
from acceptance import LeftOut, Story, last_words, steps
from stack import IMPLEMENTATIONS, Stack, engine_missing

implementation = IMPLEMENTATIONS[os.environ.get("IMPL", "c")]
STEPS = steps(implementation, few=os.environ.get("ROUNDS") == "few")
missing = engine_missing()
pytestmark = pytest.mark.skipif(bool(missing), reason=missing)


@pytest.fixture(scope="module")
def story(request, tmp_path_factory):
    story = Story(Stack(implementation))
    if implementation.name == "mine":
        home = learner.solved(tmp_path_factory.mktemp("course"), "python")
        os.environ["MINE"] = str(home)
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
    try:
        step(story)
    except LeftOut as reason:
        pytest.skip(str(reason))
    if (title, step) == STEPS[-1]:
        with capsys.disabled():
            print(f"\n{story.words}")


def test_the_last_words_count():
    kills = {"worker killed": 2, "worker paused": 1, "restart of everything": 1}
    assert last_words("Your", kills, 0, 431) == (
        "Your queue: 2 kills under load "
        "(2 workers killed, 1 worker paused, 1 restart of everything).\n0 of 431 jobs lost."
    )
