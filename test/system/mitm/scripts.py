"""scripts: the grid. Each row alters one conversation in one place: kind x method x message.

A Script alters one message and carries the rest. What it needs of earlier conversations
(`recorded`) it gets from the pair of ends that it stands between (world.py).
"""
import wire

CLEAR = ['HELLO', 'SHARE', 'CONFIRM', 'PROOF', 'FIRST']
HANDSHAKE_NAMES = wire.HANDSHAKE['C'] + wire.HANDSHAKE['S']
WITHIN = {'tls': ['HELLO', 'PROOF', 'FIRST'], 'tls+password': CLEAR, 'invite': CLEAR}


class Script:
    """Alters the first message of that name; then it is done. knock: nobody needs to dial. after:
    it is about the join that follows an invite."""
    knock = after = False

    def __init__(self, pair, message):
        self.pair, self.message, self.done = pair, message, False

    def begin(self, talk):
        talk.open()

    def on(self, talk, m):
        if m.name == self.message:
            self.done = True
            talk.altered = True
            self.alter(talk, m)
        else:
            talk.forward(m)

    def earlier(self):
        """A conversation of the same two ends that nobody altered."""
        return self.pair.recorded


# --- one message, byte by byte

class Flip(Script):
    def alter(self, talk, m):
        at = 4 + 20 if m.kind == 'HELLO' else len(m.raw) // 2
        talk.replace(m, m.raw[:at] + bytes([m.raw[at] ^ 0x10]) + m.raw[at + 1:])


class FlipLast(Script):
    def alter(self, talk, m):
        talk.replace(m, m.raw[:-1] + bytes([m.raw[-1] ^ 1]))


class Type(Script):
    """Another type of frame, or length of record."""

    def alter(self, talk, m):
        talk.replace(m, bytes([m.raw[0] ^ 2]) + m.raw[1:])


class Drop(Script):
    def alter(self, talk, m):
        talk.replace(m, b'')


class Duplicate(Script):
    def alter(self, talk, m):
        talk.replace(m, m.raw + m.raw)


class Truncate(Script):
    def alter(self, talk, m):
        talk.replace(m, m.raw[:-1])
        talk.cut()


class Shorten(Script):
    """One byte less, and the length says so."""

    def alter(self, talk, m):
        if m.raw[0] in (20, 22, 23) and m.raw[1:3] in (b'\3\1', b'\3\3'):
            size = slice(3, 5)
        elif talk.parser[m.side].__class__ is wire.Frames and talk.parser[m.side].sealed and \
                m.kind in ('PROOF', 'FIRST'):
            size = slice(0, 2)
        else:
            size = slice(1, 4)
        raw, n = bytearray(m.raw[:-1]), int.from_bytes(m.raw[size], 'big') - 1
        raw[size] = n.to_bytes(size.stop - size.start, 'big')
        talk.replace(m, bytes(raw))


class Reorder(Script):
    """What follows from this end goes first: of this conversation if it is said at once, else of an
    earlier one."""

    def __init__(self, pair, message):
        super().__init__(pair, message)
        self.kept = None

    def on(self, talk, m):
        if self.kept is not None and m.side == self.kept.side:
            talk.replace(m, m.raw + self.kept.raw)
            self.done, self.kept = True, None
        elif m.name == self.message:
            earlier = self.earlier().messages[m.side]
            names = [e.name for e in earlier]
            at = names.index(m.name) + 1
            if m.name in AT_ONCE:
                self.kept, talk.altered = m, True
            else:
                self.done = True
                talk.replace(m, (earlier[at].raw if at < len(earlier) else m.raw) + m.raw)
        else:
            talk.forward(m)


AT_ONCE = ('SERVER_HELLO', 'EXTENSIONS', 'REQUEST', 'CERTIFICATE_S', 'VERIFY_S', 'CERTIFICATE_C',
           'VERIFY_C')


class Goodbye(Script):
    """The link is ended in its name."""
    code = 413

    def alter(self, talk, m):
        talk.replace(m, wire.goodbye(self.code))


class Welcome(Goodbye):
    """A goodbye whose code says that all went well."""
    code = 100


class Before(Script):
    """A goodbye that speaks of success goes before the message, which follows."""

    def alter(self, talk, m):
        talk.replace(m, wire.goodbye(100) + m.raw)


class Reflect(Script):
    """The end hears itself, in the place of the other one."""

    def on(self, talk, m):
        if self.done or m.name == self.message:
            self.done = talk.altered = True
            talk.tell(m.side, m.raw)
        else:
            talk.forward(m)


class Replay(Script):
    """The same message of an earlier conversation of the same two ends."""

    def alter(self, talk, m):
        talk.replace(m, self.earlier().said(self.message))


class Foreign(Script):
    """The same message of a conversation of another cluster with the same hub."""

    def alter(self, talk, m):
        talk.replace(m, self.pair.world.third.recorded.said(self.message))


BYTES = {'flip': Flip, 'flip the end': FlipLast, 'change the type': Type, 'drop': Drop,
         'duplicate': Duplicate, 'truncate': Truncate, 'shorten': Shorten, 'reorder': Reorder,
         'end with a goodbye': Goodbye, 'end with ILS-100': Welcome, 'ILS-100 before': Before,
         'reflect': Reflect, 'replay': Replay}
RECORDS = {name: BYTES[name] for name in ('flip', 'flip the end', 'change the type', 'drop',
                                          'duplicate', 'truncate', 'shorten', 'reorder', 'reflect',
                                          'replay', 'end with ILS-100')}


# --- hello, field by field

class Hello(Script):
    values, more = {}, b''

    def alter(self, talk, m):
        raw = wire.with_hello(m.raw, **self.values)
        talk.replace(m, wire.frame(wire.HELLO, raw[4:] + self.more))


def hello(values, more=b''):
    return type('Hello', (Hello,), {'values': values, 'more': more})


HELLOS = {'magic': hello({'magic': b'ILS\1'}),
          'versions 2 to 2': hello({'version_min': 2, 'version_max': 2}),
          'versions 0 to 1': hello({'version_min': 0}),
          'versions 1 to 9': hello({'version_max': 9}),
          'a capability more': hello({'capabilities': 0x80000001}),
          'the reserved capability less': hello({'capabilities': 0}),
          'a capability demanded': hello({'required': 1}),
          'method none': hello({'method': 0}), 'method password': hello({'method': 1}),
          'method TLS': hello({'method': 2}), 'method both': hello({'method': 3}),
          'method invite': hello({'method': 4}), 'method unknown': hello({'method': 77}),
          'generation 0': hello({'generation': 0}), 'generation 2': hello({'generation': 2}),
          'random zero': hello({'random': bytes(32)}), 'bytes more': hello({}, b'more')}
OWN_METHOD = {'password': 'method password', 'tls': 'method TLS', 'tls+password': 'method both',
              'invite': 'method invite'}


# --- the code of a goodbye

class Code(Script):
    """S is made to refuse; what it says is altered."""
    code = 0

    def __init__(self, pair, message):
        super().__init__(pair, 'GOODBYE_S')

    def on(self, talk, m):
        if m.name == 'HELLO_C':
            talk.replace(m, wire.with_hello(m.raw, version_min=2, version_max=2))
        elif m.kind == 'GOODBYE':
            talk.replace(m, wire.goodbye(self.code, 7))
        else:
            talk.forward(m)


def code(number):
    return type('Code', (Code,), {'code': number})


CODES = [0, 100, 201, 206, 305, 410, 413, 415, 999, 4294967295]


# --- a proof, part by part (within TLS that ends at the proxy)

class Proof(Script):
    part, value = 'key', None

    def alter(self, talk, m):
        start, end = wire.proof_fields(m.raw)[self.part]
        value = self.value(self.pair, m.raw[start:end])
        talk.replace(m, m.raw[:start] + value + m.raw[end:])


def proof(part, value):
    return type('Proof', (Proof,), {'part': part, 'value': staticmethod(value)})


def one_more(pair, old):
    return bytes([(old[0] + 1) & 255]) + old[1:]


PROOFS = {'the key of the hub': proof('key', lambda pair, old: pair.world.key_of(pair.world.hub)),
          'the key of a third cluster':
              proof('key', lambda pair, old: pair.world.key_of(pair.world.third.c)),
          'the key of nobody': proof('key', one_more),
          'another network': proof('network', one_more),
          'another boot': proof('boot', one_more), 'another serial': proof('serial', one_more),
          'another signature': proof('signature', one_more),
          'another cluster id': proof('cluster id', one_more)}


# --- whole conversations

class Relay(Script):
    """Nothing is altered but the channel: TLS ends here, with certificates that pass."""

    def begin(self, talk):
        talk.altered = talk.open()

    def on(self, talk, m):
        talk.forward(m)


class ReflectAll(Script):
    """C talks to itself."""

    def begin(self, talk):
        talk.open()
        talk.altered = True

    def on(self, talk, m):
        if m.side == 'C':
            talk.tell('C', m.raw)


class ReflectRaw(Script):
    """C talks to itself, byte for byte; nobody else is there."""

    def begin(self, talk):
        talk.parser['C'] = Raw('C')
        talk.altered = True

    def on(self, talk, m):
        talk.tell('C', m.raw)


class Raw:
    """Bytes as they come."""

    def __init__(self, side):
        self.side = side

    def feed(self, data):
        yield wire.Message(self.side, 'BYTES_' + self.side, data)


class ReplayToC(Script):
    """C talks to what S said in an earlier conversation."""

    def begin(self, talk):
        talk.parser['C'] = Raw('C')
        self.left = list(self.earlier().messages['S'])

    def on(self, talk, m):
        talk.altered = True
        if self.left:
            talk.tell('C', self.left.pop(0).raw)


class ReplayToS(Script):
    """S hears what C said in an earlier conversation; C hears S."""

    def begin(self, talk):
        talk.open()
        self.left = list(self.earlier().messages['C'])
        self._next(talk)

    def _next(self, talk):
        talk.altered = True
        if self.left:
            talk.tell('S', self.left.pop(0).raw)

    def on(self, talk, m):
        if m.side == 'S':
            talk.forward(m)
            self._next(talk)


class ReplayAllToS(Script):
    """As ReplayToS, all at once, while C hears nothing."""

    def begin(self, talk):
        talk.open()
        talk.altered = True
        talk.tell('S', b''.join(m.raw for m in self.earlier().messages['C']))

    def on(self, talk, m):
        pass


class Reroute(Script):
    """C reaches another hub than the one it dialled."""

    def begin(self, talk):
        other = self.pair.world.other
        talk.peer = other.peer_id
        talk.open(to=(other.address, self.pair.port_of(other)))
        talk.altered = True

    def on(self, talk, m):
        talk.forward(m)


class RerouteAfter(Reroute):
    """The invite is the hub's; the join that follows reaches another one."""
    after = True

    def begin(self, talk):
        if talk.invited():
            talk.open()
        else:
            super().begin(talk)


class Home(Script):
    """C reaches itself."""

    def begin(self, talk):
        talk.peer = None
        talk.open(to=(self.pair.c.address, self.pair.port_of(self.pair.c)))
        talk.altered = True

    def on(self, talk, m):
        talk.forward(m)


class TwoDiallers(Script):
    """C and another cluster that dials are connected with each other: both are diallers."""
    within = False

    def begin(self, talk):
        talk.peer = None
        context = self.pair.active().toward_c if self.within else None
        talk.altered = talk.splice(self.pair.world.dialled_by_third(self.pair), context)

    def on(self, talk, m):
        talk.forward(m)


class TwoDiallersWithin(TwoDiallers):
    """TLS ends here for both."""
    within = True


class TwoAcceptors(Script):
    """Two hubs hear each other; C's hello of an earlier conversation wakes both. Nobody dials."""
    knock, within = True, False

    def begin(self, talk):
        other, hello = self.pair.world.other, self.hello()
        talk.peer = None
        context = self.pair.active().toward_s('ils/1') if self.within else None
        talk.altered = talk.between((other.address, self.pair.port_of(other)), context)
        talk.tell('S', hello)
        talk.tell('C', hello)

    def hello(self):
        return self.earlier().messages['C'][0].raw

    def on(self, talk, m):
        talk.forward(m)


class TwoAcceptorsWithin(TwoAcceptors):
    """TLS begins here for both."""
    within = True

    def hello(self):
        return self.pair.recorded_active.said('HELLO_C')


class OtherPort(Script):
    """The bytes of one way of linking reach the port of the other one."""

    def begin(self, talk):
        hub = self.pair.world.hub
        talk.peer = None
        talk.open(to=(hub.address, hub.port if self.pair.tls else hub.tls_port))
        talk.parser = {'C': Raw('C'), 'S': Raw('S')}
        talk.altered = True

    def on(self, talk, m):
        talk.forward(m)


class ClearAnswer(Script):
    """Whoever dials by TLS is answered in clear, by what the hub says in clear."""
    answer = 'hello'

    def begin(self, talk):
        talk.parser['C'] = Raw('C')
        talk.altered = True

    def on(self, talk, m):
        said = self.pair.world.clear.recorded.messages['S']
        talk.tell('C', {'hello': said[0].raw, 'all': b''.join(s.raw for s in said),
                        'goodbye': wire.goodbye(413), 'ILS-100': wire.goodbye(100),
                        'password only': wire.goodbye(203)}[self.answer])
        self.done = True


def clear(word):
    return type('ClearAnswer', (ClearAnswer,), {'answer': word})


CLEARS = {'the hello': 'hello', 'a whole conversation': 'all', 'a goodbye': 'goodbye',
          'ILS-100': 'ILS-100', 'a goodbye that asks for the password': 'password only'}


class Stripped(Script):
    """TLS ends here; the hub is spoken to in clear, and hears that the password is meant."""
    rename = True

    def begin(self, talk):
        hub = self.pair.world.hub
        talk.open_half((hub.address, hub.port), toward_c=self.pair.active().toward_c)
        talk.altered = True

    def on(self, talk, m):
        if m.kind == 'HELLO' and self.rename:
            method = wire.PASSWORD if m.side == 'C' else self.pair.number
            talk.forward(wire.Message(m.side, m.name, wire.with_hello(m.raw, method=method)))
        else:
            talk.forward(m)


class StrippedAsItIs(Stripped):
    rename = False


class Clothed(Script):
    """C speaks in clear; the hub is spoken to by TLS, and hears that both are meant."""
    rename = True

    def begin(self, talk):
        hub, there = self.pair.world.hub, self.pair.world.pairs['tls+password']
        talk.open_half((hub.address, hub.tls_port),
                       toward_s=there.active().toward_s('ils/1'))
        talk.altered = True

    def on(self, talk, m):
        if m.kind == 'HELLO' and self.rename:
            method = wire.TLS_PASSWORD if m.side == 'C' else wire.PASSWORD
            talk.forward(wire.Message(m.side, m.name, wire.with_hello(m.raw, method=method)))
        else:
            talk.forward(m)


class ClothedAsItIs(Clothed):
    rename = False


# --- TLS that ends at the proxy

def active(script, certificates=None):
    """The same script within TLS that ends here."""
    class Active(script):
        def begin(self, talk):
            talk.altered = talk.open(contexts=self.pair.active(certificates))
            talk.altered = script is Relay or issubclass(script, ReflectAll)

        def earlier(self):
            return self.pair.recorded_active
    Active.__name__ = script.__name__
    return Active
