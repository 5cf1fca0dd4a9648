"""bench_change: how soon a change is seen three hops away, and whether it stays so under load: a
spoke, its hub, another hub, and a spoke of that one, all holding N entries. Beside it a chain of
Redis servers, each the replica of the one before it over TLS, the first with a log synced at every
write."""
import os
import subprocess
import threading
import time

from harness import Network, free_port, wait_until
from kill import Control, invite

RATE = 100    # imports a second under load, of so many rows each
ROWS = 100


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def seen(far, number, there):
    """Busy: the answer of the far spoke's SIP door is the measure."""
    wanted = 302 if there else 404
    address = ('127.0.0.1', far.sip_port)
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if (invite(address, number) or (0,))[0] == wanted:
            return time.monotonic()
    raise RuntimeError('%s was not seen' % number)


def one_by_one(control, far, count, pause=0.0):
    """Seconds from the request until it is seen, each waited for."""
    lags = []
    for i in range(count):
        number, there = '7%04d' % (i // 2 % 50), i % 2 == 0
        begun = time.monotonic()
        control.ask('plan add' if there else 'plan remove', kind='ENTERPRISE', key=number,
                    **({'failover': '-'} if there else {}))
        lags.append(seen(far, number, there) - begun)
        if pause:
            time.sleep(pause)
    return lags


def load(control, seconds, counts):
    """ROWS changes in each import: every row gets another failover number."""
    begun = time.monotonic()
    for turn in range(int(seconds * RATE)):
        rows = 'type,key,failover\n' + ''.join(
            'ENTERPRISE,8%04d,%d\n' % (i, turn % 900 + 100) for i in range(ROWS))
        control.ask('plan import', rows.encode(), source='load')
        counts.append(time.monotonic())
        left = begun + (turn + 1) / RATE - time.monotonic()
        if left > 0:
            time.sleep(left)


def chain(net, n, data, prepare, trust):
    near, hub, other, far = (prepare(net, name) for name in ('near', 'hub', 'other', 'far'))
    for c in (near, hub, other, far):
        for d in (near, hub, other, far):
            if c is not d:
                c.must('trust', 'import', '-', stdin=d.must('cert', 'export'))
    hub.must('role', 'hub')
    for c, role, to in ((other, 'hub', hub), (near, 'spoke', hub), (far, 'spoke', other)):
        c.must('join', '127.0.0.1:%d' % to.tls_port, '--as', role)
    Control(near).ask('plan import', data(n), source='bench')
    wait_until(lambda: any(row['cluster_id'] == 'near' and row['entries'] >= n
                           for row in far.json('clusters')), 120, 0.05)
    return near, far


def ours(n, count, seconds, data, prepare, trust, figures):
    with Network() as net:
        near, far = chain(net, n, data, prepare, trust)
        one_by_one(Control(near), far, 20)
        lags = one_by_one(Control(near), far, count)
        figures.add('ils.change.p50_ms', percentile(lags, 0.5) * 1e3)
        figures.add('ils.change.p99_ms', percentile(lags, 0.99) * 1e3)
        if seconds == 0:
            return
        counts, early, late = [], [], []
        begun = time.monotonic()
        thread = threading.Thread(target=load, args=(Control(near), seconds, counts))
        thread.start()
        probe = Control(near)
        while thread.is_alive():
            at = time.monotonic() - begun
            lag = one_by_one(probe, far, 2, 0.02)
            if at < 10:
                early += lag
            elif at > seconds - 10:
                late += lag
        thread.join()
        figures.add('ils.load.changes_per_s', len(counts) * ROWS / (counts[-1] - begun), 0)
        figures.add('ils.load.first_p99_ms', percentile(early, 0.99) * 1e3)
        figures.add('ils.load.last_p99_ms', percentile(late or early, 0.99) * 1e3)


def redis_chain(n, count, out, peers, figures):
    """Four servers in a row; rtool asks the last until it has what the first was told."""
    tool = os.path.join(out, 'rtool')
    try:
        subprocess.run(['gcc', '-O2', '-w', '-o', tool, os.path.join(peers, 'rtool.c'),
                        '-lhiredis'], check=True)
        subprocess.run(['redis-server', '--version'], check=True, stdout=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError):
        print('redis chain: skipped, there is no Redis or rtool')
        return
    pki = os.path.join(out, 'peers', 'pki')
    subprocess.run(['bash', '-c', '. ./lib.sh; certs'], cwd=peers, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   env=dict(os.environ, WORK=os.path.join(out, 'peers')))
    ports = [(free_port(), free_port()) for _ in range(4)]
    servers = []
    for i, (plain, tls) in enumerate(ports):
        folder = os.path.join(out, 'chain%d' % i)
        subprocess.run(['rm', '-rf', folder], check=True)
        os.makedirs(folder)
        argv = ['redis-server', '--port', str(plain), '--tls-port', str(tls), '--dir', folder,
                '--bind', '127.0.0.1', '--save', '', '--requirepass', 'p', '--masterauth', 'p',
                '--tls-cert-file', pki + '/ec.crt', '--tls-key-file', pki + '/ec.key',
                '--tls-ca-cert-file', pki + '/ca.crt', '--tls-replication', 'yes',
                '--repl-diskless-sync-delay', '0']
        argv += (['--appendonly', 'yes', '--appendfsync', 'always'] if i == 0 else
                 ['--replicaof', '127.0.0.1 %d' % ports[i - 1][1]])
        servers.append(subprocess.Popen(argv, stdout=subprocess.DEVNULL))
    try:
        wait_until(lambda: subprocess.run(
            ['redis-cli', '--no-auth-warning', '-a', 'p', '-p', str(ports[0][0]), 'ping'],
            stdout=subprocess.PIPE, check=False).stdout == b'PONG\n', 20, 0.05)
        rows = ''.join('SET user%07d@site%03d.example.com site%03d.route.example\n' %
                       (i, i % 1000, i % 1000) for i in range(n))
        subprocess.run(['redis-cli', '--no-auth-warning', '-a', 'p', '-p', str(ports[0][0]),
                        '--pipe'], input=rows.encode(), stdout=subprocess.DEVNULL, check=True)
        key = 'user%07d@site%03d.example.com' % (n - 1, (n - 1) % 1000)
        subprocess.run([tool, 'wait', str(ports[3][0]), 'p', key], check=True, timeout=120)
        text = subprocess.run([tool, 'lat', str(ports[0][0]), str(ports[3][0]), 'p', key,
                               str(count)], check=True, stdout=subprocess.PIPE, text=True).stdout
        for line in text.splitlines():
            name, value = line.split(': ')
            figures.add('redis.chain.' + name, float(value))
    finally:
        for server in servers:
            server.terminate()
            server.wait()
