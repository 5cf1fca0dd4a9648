"""world: the clusters of the grid, how two of them link through a proxy, and the rows.

hub is dialled; other is a second hub of the same network, where a conversation may be led instead;
third is a cluster whose messages are used in another's name. For each method there is a cluster of
its own that dials, so that a row changes nothing for the rows of another method.
"""
import socket
import ssl

import scripts
import wire
from harness import Network, wait_until
from pki import Pki
from proxy import Proxy

PASSWORD = 'the word of the network'
METHODS = {'password': (False, True, wire.PASSWORD), 'tls': (True, False, wire.TLS),
           'tls+password': (True, True, wire.TLS_PASSWORD), 'invite': (True, False, wire.INVITE)}


class Contexts:
    """TLS that ends at the proxy: with which certificates it shows itself to C and to S."""

    def __init__(self, near, far):
        self.far = far
        self.toward_c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.toward_c.minimum_version = ssl.TLSVersion.TLSv1_3
        self.toward_c.num_tickets = 0
        self.toward_c.set_alpn_protocols(['ils/1', 'ils-invite/1'])
        self.toward_c.load_cert_chain(near.file, near.key)

    def toward_s(self, protocol):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols([protocol])
        context.load_cert_chain(self.far.file, self.far.key)
        return context


class Pair:
    """A cluster that dials the hub through a proxy of its own, by one method."""

    def __init__(self, world, method, name=None):
        self.world, self.method = world, method
        self.tls_on, self.password_on, self.number = METHODS[method]
        self.tls = method != 'password'
        self.recorded = self.recorded_active = None
        self.name = name or method.replace('+', '-')
        self.c = world.member(self.name)
        self.c.must('auth', 'set', '--tls', 'on' if self.tls_on else 'off', '--password',
                    'on' if self.password_on else 'off')
        within = scripts.WITHIN.get(method)
        self.proxy = Proxy((world.hub.address, self.port_of(world.hub)), world.hub.peer_id, within)
        self.kept, self.invites = {}, []

    def port_of(self, cluster):
        return cluster.tls_port if self.tls else cluster.port

    def active(self, certificates=None):
        """The certificates of the proxy: `plain` passes by the usual rule of the method, `named` by
        the name of a cluster that was met."""
        which = certificates or 'plain'
        if which not in self.kept:
            self.kept[which] = Contexts(*self.world.stolen(self, which))
        return self.kept[which]

    def join(self):
        """C joins by what it would be told to type."""
        host, port = '127.0.0.1', self.proxy.port
        if self.method == 'invite':
            made = self.world.hub.ask('invite', addresses=['127.0.0.1:%d' % port])
            host, port = wire.token_to(made['result']['token'], port), 0
            self.invites.append(made['result']['id'])
        answer = self.c.ask('join', host=host, port=port, wait=True)
        return answer['result'] if answer['ok'] else answer['error']

    def tidy(self):
        for name in self.invites:
            self.world.hub.ask('invite remove', id=name)
        self.invites = []

    def forget(self):
        """C has met nobody where it dials."""
        self.c.ask('role', role='standalone')

    def control(self):
        """A join that nobody alters, kept as the recording. The verdict."""
        verdict, talks = self.proxy.plain(self.join)
        if verdict.get('code') == 'ILS-100' and talks:
            self.recorded = talks[0]
            self.world.rightful.update(talk.local for talk in talks)
            last = 'PROOF_S' if self.method == 'invite' else 'FIRST_S'
            wait_until(lambda: self.recorded.said(last), 5, 0.002)
            wait_until(lambda: self.heard_at_hub(verdict), 5, 0.002)
        self.tidy()
        return verdict

    def heard_at_hub(self, verdict):
        return any(v['verdict_id'] == verdict['verdict_id']
                   for v in self.world.hub.ask('verdicts')['result'])

    def knock(self):
        """Somebody connects, and waits until he is let go."""
        with socket.create_connection(('127.0.0.1', self.proxy.port)) as s:
            s.settimeout(20)
            try:
                while s.recv(4096):
                    pass
            except OSError:
                pass
        return {}


class World:
    """All of it. methods: those that this ilsd can do."""

    def __init__(self, net, methods):
        self.net, self.pairs = net, {}
        self.rightful = set()  # where the proxy stood when nobody was deceived: address and port
        self.pki = Pki(net.folder + '/pki') if set(methods) - {'password'} else None
        self.leaf, self.own = {}, {}
        if self.pki:
            self.stranger = self.pki.leaf('stranger.example.com')
            self.signed = self.pki.leaf('signed.example.com', self.pki.root)
        self.hub = self.member('hub')
        self.hub.must('role', 'hub')
        self.other = self.member('other')
        self.clusters = [self.hub, self.other]
        self.accept_all(methods)
        self.other.must('auth', 'set', '--tls', 'off', '--password', 'on')
        self.other.ask('join', host=self.hub.address, port=self.hub.port, wait=True,
                       **{'as': 'hub'})
        for method in methods:
            self.pairs[method] = Pair(self, method)
        self.third = Pair(self, 'password', 'third')
        self.clusters += [p.c for p in list(self.pairs.values()) + [self.third]]
        self.clear = self.pairs.get('password', self.third)
        if self.pki:
            self.trust()

    def accept_all(self, methods):
        accept = ','.join(sorted({'password'} | set(methods) - {'invite'} | {'tls'}
                                 if self.pki else {'password'}))
        for c in (self.hub, self.other):
            c.must('auth', 'set', '--tls', 'on' if self.pki else 'off', '--password', 'on',
                   '--accept', accept)

    def member(self, name):
        c = self.net.cluster(name)
        c.init(PASSWORD)
        c.peer_id = next(r['peer_id'] for r in c.json('clusters') if r['local'])
        if self.pki:
            self.leaf[name] = self.pki.leaf(name + '.example.com', self.pki.root)
            c.must('cert', 'install', self.leaf[name].file, '--key', self.leaf[name].key, '--now')
        return c

    def trust(self):
        """So that the certificates pass, those of the proxy too, and only the proof is left."""
        imported = [self.leaf[c.name].pem for c in self.clusters if c.name != 'invite']
        for c in self.clusters:
            paths = imported if c.name != 'invite' else []
            if c.name in ('hub', 'other', 'tls'):
                paths = paths + [self.stranger.pem]
            if c.name == 'invite':  # who is led there is kept away by nothing but the proof
                paths = [self.leaf['other'].pem]
            elif c.name == 'other' and 'invite' in self.leaf:
                paths = paths + [self.leaf['invite'].pem]
            for path in paths + [self.pki.root.pem]:
                c.must('trust', 'import', path)

    def stolen(self, pair, which):
        """The proxy's certificates, as C and as S see them."""
        if which == 'named':
            if pair.name not in self.own:
                self.own[pair.name] = [self.pki.leaf(n + '.example.com', self.pki.root)
                                       for n in ('hub', pair.name)]
            return self.own[pair.name]
        plain = self.signed if pair.method == 'tls+password' else self.stranger
        return plain, plain

    def key_of(self, cluster):
        """As another one has met it."""
        whom = self.hub if cluster is not self.hub else self.other
        row = wait_until(lambda: [r for r in whom.ask('peers')['result']
                                  if r['peer_id'] == cluster.peer_id])
        return bytes.fromhex(row[0]['key'])

    def dialled_by_third(self, pair):
        """The connection of a third cluster that dials by the method of the pair."""
        with socket.create_server(('127.0.0.1', 0)) as server:
            server.settimeout(10)
            self.third.forget()
            self.third.c.ask('auth set', tls=pair.tls_on, password=pair.password_on)
            self.third.c.ask('join', host='127.0.0.1', port=server.getsockname()[1], wait=False)
            return server.accept()[0]
