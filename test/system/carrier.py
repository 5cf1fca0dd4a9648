"""carrier: stands between a spoke and its hub, and hands on what the hub says as slowly as it is
told to; the spoke is heard at once."""
import socket
import threading
import time


class Carrier:
    """One listener; each connection is carried to the hub and back. rate: bytes a second of what
    the hub says; None: all of it."""

    def __init__(self, hub):
        self.to, self.rate, self.carried = (hub.address, hub.port), None, 0
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        self.listener.bind(('127.0.0.1', 0))
        self.listener.listen(8)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                spoke, _ = self.listener.accept()
            except OSError:
                return
            hub = socket.socket()
            hub.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
            hub.connect(self.to)
            threading.Thread(target=self.up, args=(spoke, hub), daemon=True).start()
            threading.Thread(target=self.down, args=(hub, spoke), daemon=True).start()

    def up(self, spoke, hub):
        try:
            while data := spoke.recv(65536):
                hub.sendall(data)
            hub.shutdown(socket.SHUT_WR)
        except OSError:
            spoke.close()
            hub.close()

    def down(self, hub, spoke):
        try:
            while True:
                data = hub.recv(65536 if self.rate is None else 4096)
                spoke.sendall(data)
                self.carried += len(data)
                if not data:
                    break
                if self.rate is not None:
                    time.sleep(len(data) / self.rate)
            spoke.shutdown(socket.SHUT_WR)
        except OSError:
            spoke.close()
            hub.close()

    def close(self):
        self.listener.close()
