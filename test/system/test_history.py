"""The recorder of histories: what it writes is judged, and a lie in it is noticed."""

import pytest

from history import History


def put(process, name, job_id):
    process.call("put", lambda: job_id, tell=lambda job: {"value": job}, key=name, value=30)


def reserve(process, name, job_id):
    process.call("reserve", lambda: name, tell=lambda job: {"key": job, "value": job_id})


def test_what_was_put_and_deleted_is_not_lost(tmp_path):
    history = History(tmp_path / "history.jsonl")
    process = history.process()
    put(process, "a", 1)
    reserve(process, "a", 1)
    process.call("delete", lambda: None, key="a")
    process.call("drain", lambda: None)
    process.close(lambda: None)
    assert history.check("queue").endswith("1 jobs, 1 acknowledged, 1 deleted, none lost")


def test_a_lost_job_and_two_holders_are_noticed(tmp_path):
    history = History(tmp_path / "history.jsonl")
    put(history.process(), "a", 1)
    history.process().call("drain", lambda: None)
    with pytest.raises(AssertionError, match="no loss"):
        history.check("queue")
    history = History(tmp_path / "history.jsonl")
    put(history.process(), "a", 1)
    reserve(history.process(), "a", 1)
    reserve(history.process(), "a", 1)
    with pytest.raises(AssertionError, match="one holder"):
        history.check("queue")


def test_no_reply_may_be_either(tmp_path):
    def cut():
        raise ConnectionError("cut")

    for seen in (None, 5):
        history = History(tmp_path / "history.jsonl")
        writer, reader = history.process(), history.process()
        with pytest.raises(ConnectionError):
            writer.call("write", cut, value=5)
        assert writer.over
        reader.call("read", lambda: seen, tell=lambda value: {"value": value})
        assert "linearizable: 2 operations" in history.check("register")
    reader.call("read", lambda: 6, tell=lambda value: {"value": value})
    with pytest.raises(AssertionError, match="not linearizable"):
        history.check("register")
