"""methods: the ways in which the clusters of a network authenticate each other, as an operator sets
them up.

    method = METHODS['bundle'](lan)
    method.prepare(nodes)        # each is initialised and holds what it needs
    method.join(spoke, hub)      # the verdict; role='hub': it joins as a hub
    method.finish(nodes)         # what is done when all have joined

password, tls+password: known to all. bundle: each certificate was imported everywhere, in one file.
invites: nobody knows anybody; each joins with a token of hub 1 or of its own hub. switched: joined
by password, then all changed to TLS, each known by its authority and as one that was met.
"""
import os

from harness import wait_until
from pki import Pki
from rows import install, offer

PASSWORD = 'one password\n'


class Method:
    way = 'password'   # what is offered

    def __init__(self, lan):
        self.lan = lan
        self.pki = None
        if self.way != 'password':
            self.pki = lan.pki = getattr(lan, 'pki', None) or Pki(os.path.join(lan.folder, 'pki'))

    def prepare(self, nodes):
        for c in nodes:
            self.one(c)

    def one(self, c, way=None):
        """A cluster has an id, and what the method needs of its own."""
        c.fqdn = c.name.lower() + '.example.com'
        c.must('init', '--cluster-id', c.name, '--fqdn', c.fqdn)
        self.way_of(c, way or self.way)

    def way_of(self, c, way):
        if 'password' in way:
            c.must('password', 'add', '--stdin', stdin=PASSWORD)
        offer(c, way, way)

    def join(self, c, hub, role='spoke'):
        port = hub.port if self.way == 'password' else hub.tls_port
        return c.json('join', '%s:%d' % (hub.address, port), '--as', role)

    def finish(self, nodes):
        pass


class Password(Method):
    pass


class Bundle(Method):
    way = 'tls'

    def prepare(self, nodes):
        super().prepare(nodes)
        self.share(nodes)

    @staticmethod
    def share(nodes):
        """One file with every certificate, brought to everybody."""
        text = ''.join(c.must('cert', 'export') for c in nodes)
        for c in nodes:
            c.must('trust', 'bundle', 'import', '-', stdin=text)


class Invites(Method):
    way = 'tls'

    def join(self, c, hub, role='spoke'):
        return c.json('join', hub.json('invite')['token'], '--as', role)


class Both(Method):
    way = 'tls+password'

    def one(self, c, way=None):
        super().one(c, way)
        install(c, self.pki.leaf(c.fqdn, self.pki.root))
        c.must('trust', 'import', self.pki.root.pem)


class Switched(Both):
    way = 'tls'

    def prepare(self, nodes):
        for c in nodes:
            self.one(c, 'password')

    def join(self, c, hub, role='spoke'):
        return c.json('join', '%s:%d' % (hub.address, hub.port), '--as', role)

    def finish(self, nodes):
        """Each is asked first whether all would stay; then the boxes are ticked."""
        for c in nodes:
            c.must('auth', 'set', '--accept', 'password,tls')
        self.ready = [bool(wait_until(lambda c=c: self.would_stay(c), 20)) for c in nodes]
        for c in nodes:
            c.must('auth', 'set', '--tls', 'on', '--password', 'off')
        for c in nodes:
            c.must('auth', 'set', '--accept', 'tls')

    @staticmethod
    def would_stay(c):
        """It has met every hub, and where there is but one every cluster: one of them may follow.
        Those that it is linked with say yes; others have not said what they think of it."""
        peers = c.ask('peers')['result']
        hubs = [r for r in c.ask('clusters')['result'] if r['role'].startswith('Hub')]
        linked = {r['cluster_id'] for r in peers if r['linked']}
        rows = c.json('auth', 'ready', 'tls')['clusters']
        return all(r['met'] for r in peers if len(hubs) < 2 or r['role'] == 'Hub') and \
            all(r['outcome'] == 'stays' for r in rows if r['cluster_id'] in linked)


METHODS = {'password': Password, 'bundle': Bundle, 'invites': Invites, 'tls+password': Both,
           'switched': Switched}
