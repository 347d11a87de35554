"""Clients that keep a server busy while something is done to it."""

from __future__ import annotations

import http.client
import threading

from objects import Object, pod
from server import Server, wait_until


class Load:
    """Clients that send until they are told to stop, or refused. What they could not send is in `failures`."""

    def __init__(self, server: Server, clients: int, requests_per_connection: int = 10**9) -> None:
        self.server = server
        self.per_connection = requests_per_connection
        self.answered: list[Object | None] = []
        self.failures: list[Exception] = []
        self.refused = 0
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.client) for _ in range(clients)]

    def __enter__(self) -> Load:
        for thread in self.threads:
            thread.start()
        wait_until("every client has been answered", lambda: len(self.answered) > 2 * len(self.threads))
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.join()

    def join(self) -> None:
        for thread in self.threads:
            thread.join(30)

    def client(self) -> None:
        try:
            while not self.stopping.is_set():
                try:
                    connection = self.server.connect()
                except OSError:
                    self.refused += 1
                    return
                self.use(connection)
        except Exception as error:
            self.failures.append(error)

    def use(self, connection: http.client.HTTPSConnection) -> None:
        for _ in range(self.per_connection):
            stored = self.server.create(pod(), connection)
            with self.lock:
                self.answered.append(stored)
            if self.stopping.is_set() or connection.sock is None:  # the answer said: Connection: close
                break
        connection.close()
