"""ours: our side of a benchmark: real daemons on loopback, what goes into them, and what they use
of the machine."""
import os
import re
import subprocess
import time

from harness import BUILD, wait_until
from kill import Control

OUT = os.environ['BENCH_OUT']
ASK = os.path.join(BUILD, 'test', 'bench', 'ask')


def tool(name):
    return os.path.join(BUILD, 'test', 'bench', name)


def ask(*words):
    """What ask.c prints."""
    run = subprocess.run([ASK, *map(str, words)], text=True, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, check=False, timeout=600)
    if run.returncode != 0:
        raise RuntimeError('ask %s: %s' % (' '.join(map(str, words)), run.stderr))
    return run.stdout


def key(i, origin=None):
    if origin is not None:
        return 'user%07d@site%03d.origin%03d.example.com' % (i, i % 10, origin)
    return 'user%07d@site%03d.example.com' % (i, i % 1000)


def data(n):
    """A file of n rows, made once."""
    path = os.path.join(OUT, 'data.%d.csv' % n)
    if not os.path.exists(path):
        with open(path + '.part', 'w', encoding='ascii') as handle:
            handle.write('type,key,failover\n')
            handle.writelines('URI,%s,-\n' % key(i) for i in range(n))
        os.rename(path + '.part', path)
    return path


def pin(pid, cores):
    """All threads of a process: those that answer are not its first one."""
    for thread in os.listdir('/proc/%d/task' % pid):
        os.sched_setaffinity(int(thread), cores)


def cpu(pid):
    """Seconds of a process, its threads, and its children that are over."""
    with open('/proc/%d/stat' % pid, encoding='ascii') as handle:
        words = handle.read().rsplit(') ', 1)[1].split()
    total = (int(words[13]) + int(words[14])) * 1e9 / os.sysconf('SC_CLK_TCK')
    folder = '/proc/%d/task' % pid
    for task in os.listdir(folder):
        with open('%s/%s/schedstat' % (folder, task), encoding='ascii') as handle:
            total += int(handle.read().split()[0])
    return total / 1e9


def memory(pid, what):
    """Bytes: VmRSS now, VmHWM at most so far."""
    with open('/proc/%d/status' % pid, encoding='ascii') as handle:
        return int(re.search(what + r':\s+(\d+) kB', handle.read()).group(1)) * 1024


def sent_by(port):
    """Bytes that the connections of a listening port have sent, as the kernel counts them."""
    text = subprocess.run(['ss', '-tinH', 'sport', '=', ':%d' % port], text=True, check=True,
                          stdout=subprocess.PIPE).stdout
    return sum(int(n) for n in re.findall(r'bytes_sent:(\d+)', text))


def prepare(net, name):
    """A cluster that only needs to join."""
    c = net.cluster(name)
    c.must('init', '--cluster-id', name, '--fqdn', name + '.example.com')
    c.must('route', 'add', '*', 'sip:192.0.2.1')
    return c


def make_hub(net, name='hub'):
    c = prepare(net, name)
    c.must('role', 'hub')
    return c


def trust(a, b):
    """Each has the other's certificate: method 2, mutual TLS."""
    for one, other in ((a, b), (b, a)):
        one.must('trust', 'import', '-', stdin=other.must('cert', 'export'))


def limits(cluster, n):
    """Room for n learned entries, where that is more than a cluster takes by itself."""
    if n >= 1000000:
        cluster.must('limits', 'set', 'learned', min(10000000, n + n // 10))


def forget(net, cluster):
    """Ends a cluster of a turn that is over; its disk is given back."""
    cluster.stop()
    net.clusters.remove(cluster)
    subprocess.run(['rm', '-rf', cluster.data], check=True)


def at_rest(clusters, seconds=60):
    """Waits until nothing is left to do: what was learned is looked through for a while."""
    def used():
        return sum(cpu(c.process.pid) for c in clusters)
    last = [used()]

    def idle():
        time.sleep(0.5)
        before, last[0] = last[0], used()
        return last[0] - before < 0.02
    if not wait_until(idle, seconds):
        print('%s do not come to rest' % ', '.join(c.name for c in clusters), flush=True)


def settled(cluster, seconds=120):
    return wait_until(lambda: Control(cluster).ask('stats')['store_pending'] == 0, seconds, 0.01)
