"""The client against the built server (see conftest.py), and against one that is late, which a true one seldom is."""

import json
import threading
import time
from collections.abc import Iterator

import pytest

pytest.importorskip("websockets")
from websockets.sync.server import ServerConnection, serve  # noqa: E402

from training.environment.client import EnvironmentClient, EnvironmentFailure  # noqa: E402
from training.environment.conversation import system_text  # noqa: E402

BOX = {"x1": 100, "y1": 100, "x2": 900, "y2": 900}


def test_plays_an_episode(server: str) -> None:
    with EnvironmentClient(server) as env:
        reply = env.reset(index=3)
        assert reply.reward is None and not reply.done and len(reply.observation["tools"]) == 8
        reply = env.step({"name": "segment_box", "arguments": BOX})
        assert reply["observation"]["turn"] == 1 and 0 <= reply.observation["metrics"]["iou"] <= 1
        reply = env.step(text='<think>Done.</think><tool_call>{"name": "finish", "arguments": {}}</tool_call>')
        assert reply.done and reply.reward is not None and 0 < reply.reward <= 1
        assert env.state()["ended"] == "finished"


def test_a_brief_prompt_names_no_tools(start_server, server: str) -> None:
    brief, _ = start_server("--coordinates", "pixel", "--prompt", "brief", "--view-pixels", "28224")
    with EnvironmentClient(brief) as env, EnvironmentClient(server) as usual:
        first = env.reset(index=3).observation
        assert system_text(first) == "Segment what the query names." and len(first["tools"]) == 8
        assert "<tools>" in system_text(usual.reset(index=3).observation)


def test_goes_on_after_a_refusal(server: str) -> None:
    with EnvironmentClient(server) as env:
        env.reset(seed=1)
        with pytest.raises(EnvironmentFailure) as refused:
            env.step(name="finish", colour="red")
        assert refused.value.code == "VALIDATION_ERROR"
        assert env.step(name="zoom_out", arguments={}).observation["turn"] == 1


def test_is_told_that_the_server_is_full(start_server) -> None:
    url, process = start_server("--sessions", "1")
    with EnvironmentClient(url) as first, EnvironmentClient(url) as second:
        first.reset(index=0)
        with pytest.raises(EnvironmentFailure, match="CAPACITY_REACHED"):
            second.reset(index=0)
        first.close()
        deadline = time.monotonic() + 10
        while True:
            try:
                assert second.reset(index=0).observation["turn"] == 0
                break
            except EnvironmentFailure:
                assert time.monotonic() < deadline
        process.terminate()
        process.wait(30)
        with pytest.raises(EnvironmentFailure, match="DISCONNECTED"):
            second.step(name="finish")
        with pytest.raises(EnvironmentFailure, match="DISCONNECTED"):
            second.reset(index=0)


def test_a_reset_outlives_its_connection(start_server) -> None:
    url, process = start_server("--turns", "2")
    with EnvironmentClient(url) as env:
        env.reset(index=0)
        process.terminate()
        process.wait(30)
        again, second = start_server("--turns", "3", "--port", url.rsplit(":", 1)[1])
        assert again == url
        assert env.reset(index=0).observation["turns_left"] == 3
        # A step does not: its episode is gone.
        second.terminate()
        second.wait(30)
        with pytest.raises(EnvironmentFailure, match="DISCONNECTED"):
            env.step(name="finish")


@pytest.fixture
def forgetful() -> Iterator[tuple[str, list[int]]]:
    """Ends every session before its second request, as an expired one ends; notes the connections' requests."""
    asked: list[int] = []
    expired = {"type": "error", "data": {"code": "SESSION_ERROR", "message": "The session expired."}}
    observation = {"type": "observation", "data": {"observation": {}, "reward": None, "done": False}}

    def answer(connection: ServerConnection) -> None:
        asked.append(0)
        for _ in connection:
            asked[-1] += 1
            connection.send(json.dumps(observation if asked[-1] == 1 and len(asked) < 3 else expired))
            if asked[-1] > 1:
                break

    with serve(answer, "127.0.0.1", 0) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.socket.getsockname()[1]}", asked
        running.shutdown()


def test_a_reset_begins_a_new_session_once_when_its_own_expired(forgetful: tuple[str, list[int]]) -> None:
    url, asked = forgetful
    with EnvironmentClient(url) as env:
        env.reset(index=0)
        assert not env.reset(index=0).done
        assert asked == [2, 1]
        with pytest.raises(EnvironmentFailure, match="SESSION_ERROR"):
            env.reset(index=0)
        assert asked == [2, 2, 1]


@pytest.fixture
def late() -> Iterator[str]:
    """Answers a reset with the number of its index, the index 0 too late."""

    def answer(connection: ServerConnection) -> None:
        for raw in connection:
            index = json.loads(raw)["data"]["index"]
            if index == 0:
                time.sleep(0.6)
            data = {"observation": {"turn": index}, "reward": None, "done": False}
            connection.send(json.dumps({"type": "observation", "data": data}))

    with serve(answer, "127.0.0.1", 0) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.socket.getsockname()[1]}"
        running.shutdown()


def test_takes_no_late_answer_for_the_next_one(late: str) -> None:
    with EnvironmentClient(late, timeout=0.3) as env:
        with pytest.raises(EnvironmentFailure, match="TIMEOUT"):
            env.reset(index=0)
        with pytest.raises(EnvironmentFailure, match="NO_EPISODE"):
            env.step(name="finish")
        time.sleep(0.5)
        assert env.reset(index=5).observation == {"turn": 5}
