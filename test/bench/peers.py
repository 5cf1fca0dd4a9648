"""peers: what others do of the same work: Redis and Knot as Debian has them, each with a server
that has all and one that comes to learn it. They are started by hand, on ports and in a folder of
their own, and ended with it. What is not installed is skipped."""
import base64
import os
import shutil
import subprocess

from harness import free_port, wait_until
from ours import ask, key

PATHS = os.environ.get('PATH', '') + ':/usr/sbin:/sbin'


def have(*names):
    """Whether these programs are there; says what is missing."""
    missing = [name for name in names if shutil.which(name, path=PATHS) is None]
    if missing:
        print('%s: skipped, not installed' % ', '.join(missing), flush=True)
    return not missing


def certificate(folder):
    """A certificate with its key in one file, trusted by whoever has it."""
    path = os.path.join(folder, 'own.pem')
    if not os.path.exists(path):
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
                        'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=localhost', '-days',
                        '9', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1',
                        '-keyout', path + '.key', '-out', path + '.crt'], check=True,
                       stderr=subprocess.DEVNULL)
        with open(path, 'w', encoding='ascii') as out:
            for part in ('.crt', '.key'):
                with open(path + part, encoding='ascii') as handle:
                    out.write(handle.read())
    return path


class Server:
    """One process of a peer."""

    def __init__(self, folder, name):
        self.folder = os.path.join(folder, name)
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        self.process = None

    def run(self, *argv):
        with open(os.path.join(self.folder, 'log'), 'ab') as out:
            self.process = subprocess.Popen(argv, stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                                            env=dict(os.environ, PATH=PATHS))

    @property
    def pid(self):
        return self.process.pid

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            self.process = None


class Redis(Server):
    """A Redis server without passwords; replication by mutual TLS, questions in clear."""

    def __init__(self, folder, name, pem, aof=False):
        super().__init__(folder, name)
        self.port, self.tls_port = free_port(), free_port()
        self.options = [
            '--dir', self.folder, '--bind', '127.0.0.1', '--port', self.port, '--tls-port',
            self.tls_port, '--save', '', '--tls-cert-file', pem + '.crt', '--tls-key-file',
            pem + '.key', '--tls-ca-cert-file', pem + '.crt', '--tls-auth-clients', 'yes',
            '--tls-replication', 'yes', '--repl-diskless-sync', 'yes', '--repl-diskless-load',
            'on-empty-db', '--repl-diskless-sync-delay', '0', '--client-output-buffer-limit',
            'replica 2gb 2gb 60']
        if aof:
            self.options += ['--appendonly', 'yes', '--appendfsync', 'always']
        self.start()

    def start(self):
        self.run('redis-server', *map(str, self.options))
        if not wait_until(lambda: self.cli('ping') == 'PONG', 60, 0.002):
            raise RuntimeError('redis-server does not start: %s/log' % self.folder)

    def cli(self, *words, stdin=None):
        return subprocess.run(['redis-cli', '-p', str(self.port), *words], input=stdin, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              check=False).stdout.strip()

    def load(self, n):
        self.cli('--pipe', stdin=''.join('SET %s site%03d.route.example\r\n' % (key(i), i % 1000)
                                         for i in range(n)))

    def follow(self, other):
        self.cli('replicaof', '127.0.0.1', str(other.tls_port))


KNOT = """server:
    listen: 127.0.0.1@%(port)d
    rundir: %(folder)s
    udp-workers: 1
    tcp-workers: 2
    background-workers: 2
database:
    storage: %(folder)s/db
    journal-db-max-size: 4G
key:
  - id: link
    algorithm: hmac-sha256
    secret: %(secret)s
remote:
  - id: peer
    address: 127.0.0.1@%(peer)d
    key: link
acl:
  - id: transfer
    address: 127.0.0.1
    key: link
    action: [ transfer, notify ]
zone:
  - domain: example.com
    storage: %(folder)s
    file: zone
    zonefile-sync: -1
    journal-content: %(journal)s
    acl: transfer
"""


class Knot(Server):
    """A Knot server of one zone: the one that has its file, or one that transfers it from there."""

    def __init__(self, folder, name, master=None):
        super().__init__(folder, name)
        self.port = master.peer_port if master else free_port()
        self.peer_port = master.port if master else free_port()
        text = KNOT % {'folder': self.folder, 'port': self.port, 'peer': self.peer_port,
                       'journal': 'changes' if master else 'none',
                       'secret': base64.b64encode(b'benchbenchbenchbenchbenchbench12').decode()}
        text += '    master: peer\n    zonefile-load: none\n' if master else \
            '    zonefile-load: whole\n'
        self.config = os.path.join(self.folder, 'knot.conf')
        with open(self.config, 'w', encoding='ascii') as out:
            out.write(text)
        os.makedirs(os.path.join(self.folder, 'db'))

    def zone(self, n):
        with open(os.path.join(self.folder, 'zone'), 'w', encoding='ascii') as out:
            out.write('$ORIGIN example.com.\n$TTL 60\n@ SOA ns h 1 3600 600 86400 60\n@ NS ns\n'
                      'ns A 127.0.0.1\n')
            out.writelines('%s. TXT "site%03d.route.example"\n' % (self.name_of(i), i % 1000)
                           for i in range(n))

    def start(self):
        self.run('knotd', '-c', self.config)

    @staticmethod
    def name_of(i):
        return key(i).replace('@', '.')

    def has(self, i, since=0):
        """Seconds until it answers for entry i."""
        return float(ask('wait', 'dns', self.port, since, self.name_of(i)).split()[1])


def loopback():
    with open('/sys/class/net/lo/statistics/rx_bytes', encoding='ascii') as handle:
        return int(handle.read())
