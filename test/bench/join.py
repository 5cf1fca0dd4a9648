"""join: what a reconnect of a known peer costs a hub, beside the server side of a bare mutual
TLS handshake in the same run; and how long a join takes by each method. All clusters are real
daemons, store and detailed trace on. They reach the hub through a relay, which cuts all links of a
round at once; each spoke dials again by itself."""
import os
import selectors
import socket
import statistics
import subprocess
import threading
import time

from harness import BUILD, Network, wait_until

PEERS = 40
ROUNDS = 5
METHODS = {'password': ('off', 'on'), 'tls': ('on', 'off'), 'tls+password': ('on', 'on')}


class Relay(threading.Thread):
    """Forwards bytes to one port; cut() ends every connection that stands."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.target = port
        self.listener = socket.create_server(('127.0.0.1', 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        self.poll = selectors.DefaultSelector()
        self.poll.register(self.listener, selectors.EVENT_READ, None)
        self.pairs, self.lock, self.over = set(), threading.Lock(), False

    def run(self):
        while not self.over:
            for key, _ in self.poll.select(0.2):
                with self.lock:
                    if key.data is None:
                        self.open()
                    else:
                        self.forward(key.fileobj, key.data)

    def open(self):
        near, _ = self.listener.accept()
        far = socket.create_connection(('127.0.0.1', self.target))
        for a, b in ((near, far), (far, near)):
            a.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.poll.register(a, selectors.EVENT_READ, b)
        self.pairs.add((near, far))

    def forward(self, source, target):
        try:
            data = source.recv(65536)
            if data:
                target.sendall(data)
                return
        except OSError:
            pass
        for pair in [p for p in self.pairs if source in p]:
            self.close(pair)

    def close(self, pair):
        self.pairs.discard(pair)
        for s in pair:
            try:
                self.poll.unregister(s)
            except (KeyError, ValueError):
                pass
            s.close()

    def cut(self):
        with self.lock:
            for pair in list(self.pairs):
                self.close(pair)

    def stop(self):
        self.over = True
        self.join()
        self.cut()
        self.listener.close()


def cpu(cluster):
    """Seconds, exact: /proc/PID/schedstat counts nanoseconds of each thread."""
    total, folder = 0, '/proc/%d/task' % cluster.process.pid
    for task in os.listdir(folder):
        with open('%s/%s/schedstat' % (folder, task), encoding='ascii') as handle:
            total += int(handle.read().split()[0])
    return total / 1e9


def method_set(cluster, method):
    tls, password = METHODS[method]
    cluster.must('auth', 'set', '--tls', tls, '--password', password, '--accept',
                 'password', 'tls', 'tls+password')


def world(net, peers):
    """A hub and spokes that trust one another's certificates and hold the password."""
    hub = net.cluster('hub').hub('bench password')
    hub.must('auth', 'set', '--accept', 'password', 'tls', 'tls+password')
    spokes = [net.cluster('spoke%03d' % i, start=False).launch() for i in range(peers)]
    for s in spokes:
        wait_until(s.answers)
        s.init('bench password')
    for s in spokes: # certificates are exchanged; both ends import them
        s.must('auth', 'set', '--tls', 'on', '--password', 'off')
        s.must('join', hub.json('invite')['token'])
    return hub, spokes


def up(hub, n):
    return sum(1 for row in hub.json('peers') if row['linked']) == n


def established(cluster):
    """Milliseconds from dialling to the verdict, of each attempt that joined, by the trace."""
    begun, took = None, []
    for record in cluster.trace_records():
        at = float(record['time'][17:23]) + 60 * float(record['time'][14:16]) + \
            3600 * float(record['time'][11:13])
        if record['event'] == 'T4':
            begun = at
        elif record['event'] == 'T9' and begun is not None:
            took.append((at - begun) % 86400 * 1000)
            begun = None
    return took


def one_method(net, hub, spokes, method, figures):
    for c in [hub] + spokes:
        method_set(c, method)
    relay = Relay(hub.port if method == 'password' else hub.tls_port)
    relay.start()
    for s in spokes:
        s.ils('join', '127.0.0.1:%d' % relay.port)
    if not wait_until(lambda: up(hub, len(spokes)), 60, 0.2):
        raise RuntimeError('%s: not all spokes are linked' % method)
    before = {s: len(established(s)) for s in spokes}
    spent = 0
    for _ in range(ROUNDS):
        time.sleep(0.5)
        begun = cpu(hub)
        since = {s: len(established(s)) for s in spokes}
        relay.cut()
        time.sleep(4)  # the longest back-off is 3 s; what is asked meanwhile would be counted
        spent += cpu(hub) - begun
        wait_until(lambda: all(len(established(s)) > since[s] for s in spokes), 20, 0.5)
    took = sorted(t for s in spokes for t in established(s)[before[s]:])
    name = 'ils.join.%s.' % method.replace('+', '_')
    figures.add(name + 'cpu_ms', spent / len(took) * 1000)
    figures.add(name + 'p50_ms', statistics.median(took))
    figures.add(name + 'p99_ms', took[int(len(took) * 0.99)])
    relay.stop()


def bare(folder, n=1000):
    """CPU seconds of the server in a bare handshake; certificates of the same kind."""
    names = []
    for name in ('server', 'client'):
        path = os.path.join(folder, name + '.pem')
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
                        'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=' + name, '-days', '9',
                        '-keyout', path + '.key', '-out', path + '.crt'], check=True,
                       stderr=subprocess.DEVNULL)
        with open(path, 'w', encoding='ascii') as out:
            for part in ('.crt', '.key'):
                with open(path + part, encoding='ascii') as handle:
                    out.write(handle.read())
        names.append(path)
    tool = os.path.join(BUILD, 'test', 'bench', 'bare_tls')
    return float(subprocess.run([tool, str(n)] + names, check=True, text=True,
                                stdout=subprocess.PIPE).stdout)


def run_join(figures, peers=PEERS):
    with Network() as net:
        hub, spokes = world(net, peers)
        for method in METHODS:
            figures.add('bare_tls.cpu_ms', bare(net.folder) * 1000)
            one_method(net, hub, spokes, method, figures)
