"""recorder: stands between two programs on loopback and writes down what passes.

Recorder(path, to): listens (TCP port .port, or the UNIX socket `listen`), carries every connection
to `to`, and appends each chunk to the file at `path` in the form of capture.h.
"""
import os
import socket
import struct
import threading


class Recorder:
    def __init__(self, path, to, listen=None):
        self.to, self.sessions, self.lock = to, 0, threading.Lock()
        self.file = open(path, 'wb')
        if listen is None:
            self.socket = socket.create_server(('127.0.0.1', 0))
            self.port = self.socket.getsockname()[1]
        else:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.bind(listen)
            self.socket.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self.socket.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX if isinstance(self.to, str) else socket.AF_INET)
            try:
                far.connect(self.to)
            except OSError:
                near.close()
                continue
            session = self.sessions
            self.sessions += 1
            for source, sink, who in ((near, far, 0), (far, near, 1)):
                threading.Thread(target=self._carry, args=(source, sink, session, who),
                                 daemon=True).start()

    def _carry(self, source, sink, session, who):
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    break
                with self.lock:
                    self.file.write(struct.pack('>IBI', session, who, len(data)) + data)
                sink.sendall(data)
        except (OSError, ValueError):
            pass
        try:
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        """Ends the listening; what was recorded is on the disk then."""
        self.socket.close()
        with self.lock:
            self.file.flush()
            os.fsync(self.file.fileno())
