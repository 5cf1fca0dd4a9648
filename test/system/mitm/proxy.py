"""proxy: stands between an end that dials and an end that is dialled, and carries the conversation,
altered by a script.

    proxy = Proxy(to=('127.0.0.1', port))
    outcome = proxy.during(script, lambda: dialler.join(...))

A conversation is a list of messages (wire.py). For each, the script decides what goes where;
without a script everything goes to the other end. Of each end is kept what it said (`sent`) and
what it was told (`got`), so that it can be judged afterwards whether the two saw the same.

Three kinds of conversation: in clear on the password's port (sealed records after the password);
TLS carried as it is; and TLS ended here and begun anew, with certificates of the proxy's own.
"""
import select
import socket
import ssl
import threading
import time
import traceback

import wire

QUIET = 0.06    # after the alteration: nobody says anything any more
PATIENCE = 8.0  # shorter than any deadline of the protocol


class End:
    """One of the two real ends: bytes in and out, within TLS where the proxy speaks it."""

    def __init__(self, sock, side):
        self.socket, self.side, self.tls, self.over = sock, side, None, False
        self.sent, self.got, self.raw = [], b'', b''
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(PATIENCE)

    def secure(self, context, server):
        """The handshake; False when the end breaks it off."""
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=server)
        while True:
            try:
                self.tls.do_handshake()
                self._flush()
                return True
            except ssl.SSLWantReadError:
                self._flush()
                if not self._fill():
                    return False
            except (ssl.SSLError, OSError):
                return False

    def _flush(self):
        data = self.outgoing.read()
        if data:
            self.socket.sendall(data)

    def _fill(self):
        data = self.socket.recv(65536)
        self.raw += data[:4096]
        self.incoming.write(data)
        return data

    def receive(self):
        """What it says now; b'' when there is nothing, `over` when it says no more."""
        try:
            if self.tls is None:
                data = self.socket.recv(65536)
                self.raw += data[:4096] if len(self.raw) < 4096 else b''
                self.over = self.over or not data
                return data
            if not self._fill():
                self.over = True
            return self._opened()
        except OSError:
            self.over = True
            return b''

    def _opened(self):
        plain = b''
        try:
            while True:
                data = self.tls.read(65536)
                if not data:
                    self.over = True
                    return plain
                plain += data
        except ssl.SSLWantReadError:
            return plain
        except ssl.SSLError:
            self.over = True
            return plain

    def say(self, data):
        self.got += data
        try:
            if self.tls is None:
                self.socket.sendall(data)
            else:
                self.tls.write(data)
                self._flush()
        except (OSError, ssl.SSLError):
            pass

    def hang_up(self):
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def verdict_id(self):
        """Of the attempt, as this end has it when it dialled."""
        random = wire.client_random(self.raw)
        if random is None and self.raw[:1] == b'\1' and len(self.raw) >= 4 + 49:
            random = self.raw[4 + 17:4 + 49]
        return random[:8].hex() if random else None


class Conversation:
    """C and S, and what stands between them."""

    def __init__(self, near, script, proxy):
        self.c, self.s, self.script, self.proxy = End(near, 'C'), None, script, proxy
        self.parser, self.altered, self.held = {}, False, []
        self.messages = {'C': [], 'S': []}
        self.error = self.local = None
        self.peer = proxy.peer

    def other(self, side):
        return self.s if side == 'C' else self.c

    # --- what a script may do

    def forward(self, message):
        self.tell('S' if message.side == 'C' else 'C', message.raw)

    def tell(self, side, data):
        end = self.c if side == 'C' else self.s
        if end is not None and data:
            end.say(data)

    def replace(self, message, data):
        """Something else goes in its place; nothing, where it is empty."""
        self.altered = True
        self.tell('S' if message.side == 'C' else 'C', data)

    # --- the life of it

    def run(self):
        try:
            if self.script is not None:
                if not self._meant():
                    return
                self.script.begin(self)
            elif not self.open():
                return
            self._carry()
        except (OSError, ssl.SSLError):
            pass
        except Exception:
            self.error = traceback.format_exc()
        finally:
            for end in (self.c, self.s):
                if end is not None:
                    end.hang_up()
            for end in (self.c, self.s):
                if end is not None:
                    self._drain(end)

    def _meant(self):
        """An invite is followed by an ordinary join, which its script is not about."""
        return self.script.knock or self.script.after or \
            self.script.pair.method != 'invite' or self.invited()

    def invited(self):
        return b'ils-invite/1' in self.c.socket.recv(4096, socket.MSG_PEEK)

    def open(self, to=None, contexts=None):
        """Connects to the end that is dialled, and gets ready to carry. contexts: of TLS that ends
        here, towards C and towards S."""
        to = to or self.proxy.to
        if contexts is not None and not self.c.secure(contexts.toward_c, True):
            return False
        self._connect(to)
        if contexts is not None:
            protocol = self.c.tls.selected_alpn_protocol()
            if not self.s.secure(contexts.toward_s(protocol), False):
                return False
        for side in 'CS':
            if contexts is None and self.proxy.records is not None:
                self.parser[side] = wire.Records(side, self.proxy.records)
            else:
                self.parser[side] = wire.Frames(side, sealed=contexts is None)
        return True

    def open_half(self, to, toward_c=None, toward_s=None):
        """TLS on one side only."""
        if toward_c is not None and not self.c.secure(toward_c, True):
            return False
        self._connect(to)
        if toward_s is not None and not self.s.secure(toward_s, False):
            return False
        self.parser = {'C': wire.Frames('C', toward_c is None),
                       'S': wire.Frames('S', toward_s is None)}
        return True

    def splice(self, sock, context):
        """C and another end that dials, each as the other's S."""
        self.s = End(sock, 'S')
        if context is not None and not (self.c.secure(context, True) and
                                        self.s.secure(context, True)):
            return False
        self._parse_alike(context is None)
        return True

    def between(self, to, context):
        """Two ends that are dialled. What knocked here is let go."""
        self.c.hang_up()
        self.c.socket.close()
        self._connect(self.proxy.to)
        self.c = End(socket.create_connection(to, PATIENCE), 'C')
        if context is not None and not (self.c.secure(context, False) and
                                        self.s.secure(context, False)):
            return False
        self._parse_alike(context is None)
        return True

    def _connect(self, to):
        self.s = End(socket.create_connection(to, PATIENCE, (self.proxy.source, 0)), 'S')
        self.local = '%s:%d' % self.s.socket.getsockname()

    def _parse_alike(self, outside):
        for side in 'CS':
            self.parser[side] = wire.Records(side, []) if outside and self.proxy.records else \
                wire.Frames(side, outside)

    def cut(self):
        for end in (self.c, self.s):
            if end is not None:
                end.hang_up()

    def _carry(self):
        end_at = time.monotonic() + PATIENCE
        for end in (self.c, self.s):
            if end is not None and end.tls is not None:
                self._take(end, end._opened())  # what came with the last of the handshake
        while True:
            ends = [e for e in (self.c, self.s) if e is not None and not e.over]
            if not ends:
                return
            ready = select.select([e.socket for e in ends], [], [],
                                  QUIET if self.altered else 0.5)[0]
            if not ready and (self.altered or
                              (self.script is not None and time.monotonic() > end_at)):
                return
            for end in ends:
                if end.socket not in ready:
                    continue
                self._take(end, end.receive())
                if end.over and self.other(end.side) is not None:
                    self.other(end.side).hang_up()

    def _take(self, end, data):
        parser = self.parser.get(end.side)
        if not data or parser is None:
            return
        for message in parser.feed(data):
            self.messages[end.side].append(message)
            end.sent.append(message)
            if self.script is not None and not self.script.done:
                self.script.on(self, message)
            else:
                self.forward(message)

    @staticmethod
    def _drain(end):
        """Until the end has closed as well: what it makes of the attempt is said by then."""
        end.socket.settimeout(2)
        try:
            while not end.over and end.socket.recv(65536):
                pass
        except OSError:
            pass
        end.socket.close()

    # --- afterwards

    def said(self, name):
        return next((m.raw for side in 'CS' for m in self.messages[side] if m.name == name), None)

    def until(self, name):
        """All that the end said, up to and with that message; None when it never came."""
        raw = b''
        for m in self.messages[name[-1]]:
            raw += m.raw
            if m.name == name:
                return raw
        return None

    def seen_alike(self, side):
        """Whether what this end knew when it said yes is what the other end said, and whether the
        other end was told what this one said up to its proof."""
        if self.s is None or self.c.tls is not None or self.peer is None:
            return False
        mine, theirs = ('PROOF_C', 'PROOF_S') if side == 'C' else ('FIRST_C', 'PROOF_S')
        needed = [(self.s, mine)], [(self.c, theirs)]
        for end, name in needed[0] + needed[1]:
            text = self.until(name)
            if text is None or not end.got.startswith(text):
                return False
        return True


class Proxy:
    """Listens on a port of its own. records: None, or the names of what is said within TLS."""

    def __init__(self, to, peer, records=None, source='127.0.0.1'):
        self.to, self.peer, self.records, self.source = to, peer, records, source
        self.factory, self.closed = None, True
        self.now, self.lock = [], threading.Lock()
        self.socket = socket.create_server(('127.0.0.1', 0), backlog=64)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self.socket.accept()
            except OSError:
                return
            with self.lock:
                used = any(c.altered for c, _ in self.now)
                if self.closed or (self.factory is not None and used):
                    near.close()
                    continue
                script = self.factory() if self.factory is not None else None
                c = Conversation(near, script, self)
                thread = threading.Thread(target=c.run, daemon=True)
                self.now.append((c, thread))
            thread.start()

    def _begin(self, factory):
        with self.lock:
            self.factory, self.closed, self.now = factory, False, []

    def during(self, factory, act):
        """act() while connections are altered by factory(): its result, and the conversations."""
        self._begin(factory)
        try:
            result = act()
        finally:
            with self.lock:
                self.closed = True
                now = self.now
        for c, thread in now:
            thread.join(2 * PATIENCE)
        return result, [c for c, _ in now]

    def plain(self, act):
        """act() while everything is carried as it is: its result, and the conversations so far,
        which go on."""
        self._begin(None)
        result = act()
        with self.lock:
            return result, [c for c, _ in self.now]

    def close(self):
        self.socket.close()
