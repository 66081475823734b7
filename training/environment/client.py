"""A client of the environment server (`maskwright env`), for trainers. Needs `websockets` (15 or later), nothing else.

    with EnvironmentClient("http://127.0.0.1:8000") as env:
        reply = env.reset(seed=7)
        while not reply.done:
            reply = env.step(text=model(reply.observation))
        print(reply.reward)

Calls block. One client is one session of the server and belongs to one thread at a time.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

_ENDS_SESSION = {"CAPACITY_REACHED", "SESSION_ERROR", "FACTORY_ERROR"}
_DIED_BEFORE = {"DISCONNECTED", "SESSION_ERROR"}
"""What a request meets whose connection was gone, or had expired, before it was sent."""


class EnvironmentFailure(Exception):
    """The server refused (its `code`: VALIDATION_ERROR, EXECUTION_ERROR, CAPACITY_REACHED, …), did not answer in time
    (TIMEOUT), went away (DISCONNECTED), or there is no episode to step (NO_EPISODE)."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code


class Reply(dict[str, Any]):
    """`observation` (see docs/environment-server.md), `reward` (a number at the end, else None) and `done`."""

    @property
    def observation(self) -> dict[str, Any]:
        return self["observation"]

    @property
    def reward(self) -> float | None:
        return self["reward"]

    @property
    def done(self) -> bool:
        return self["done"]


class EnvironmentClient:
    def __init__(self, url: str, timeout: float = 120.0, max_bytes: int = 100 << 20) -> None:
        """:param url: as the server prints it, token included; :param timeout: seconds to wait for an answer"""
        self._address = f"ws{url.rstrip('/').removeprefix('http')}/ws"
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._socket: ClientConnection | None = None
        self._open = ExitStack()

    def reset(self, **data: Any) -> Reply:
        """Begins an episode: `index` or `seed` of an item, or `image` (base64) and `query`.

        Connects where needed, and once more where the connection of an earlier episode has died or expired since.
        """
        message = {"type": "reset", "data": data}
        if self._socket is not None:
            try:
                return Reply(self._ask(message))
            except EnvironmentFailure as failure:
                if failure.code not in _DIED_BEFORE:
                    raise
        self._socket = self._connect()
        return Reply(self._ask(message))

    def step(self, action: dict[str, Any] | None = None, **fields: Any) -> Reply:
        """`name` and `arguments` of a call, or `text`: a model's output as it is."""
        return Reply(self._ask({"type": "step", "data": {**(action or {}), **fields}}))

    def state(self) -> dict[str, Any]:
        return self._ask({"type": "state"})

    def close(self) -> None:
        self._socket = None
        try:
            self._open.close()
        except (OSError, WebSocketException):
            pass  # It was gone already.

    def __enter__(self) -> EnvironmentClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _connect(self) -> ClientConnection:
        try:
            # The server pings; a proxy that is meant for the internet knows nothing of it.
            connection = connect(self._address, max_size=self._max_bytes, ping_interval=None, proxy=None)
            return self._open.enter_context(connection)
        except (OSError, WebSocketException) as error:
            raise EnvironmentFailure("DISCONNECTED", f"Cannot connect to {self._address}: {error}") from error

    def _ask(self, message: dict[str, Any]) -> dict[str, Any]:
        if self._socket is None:
            raise EnvironmentFailure("NO_EPISODE", "The connection and its episode are gone: reset")
        try:
            self._socket.send(json.dumps(message))
            answer = json.loads(self._socket.recv(timeout=self._timeout))
        except TimeoutError as error:
            # The answer will still come, and would be taken for that to the next request: begin anew.
            self.close()
            raise EnvironmentFailure("TIMEOUT", f"No answer within {self._timeout} s") from error
        except (OSError, WebSocketException) as error:
            self.close()
            raise EnvironmentFailure("DISCONNECTED", f"The server went away: {error}") from error
        except BaseException:
            # Interrupted between a request and its answer.
            self.close()
            raise
        if answer["type"] == "error":
            failure = answer["data"]
            if failure["code"] in _ENDS_SESSION:
                self.close()
            raise EnvironmentFailure(failure["code"], failure["message"])
        return answer["data"]
