"""http_door: lookups over HTTP, beside nginx with a map of the same keys: one worker each on core
0, wrk on core 1, in turns. What the machine does besides changes how many come in a second, on
both sides; the processor time of a request hardly."""
import os
import re
import subprocess

import ours
import wait
from harness import Network, free_port, wait_until
from peers import PATHS, have

SECONDS = 4

CONF = '''worker_processes 1; worker_cpu_affinity 01; daemon off; pid {d}/pid; error_log {d}/error;
events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 100000000;
 map_hash_max_size 4194304; map_hash_bucket_size 128;
 map $arg_dialed $route {{ default none; include {d}/map; }}
 client_body_temp_path {d}/b; proxy_temp_path {d}/p; fastcgi_temp_path {d}/f;
 uwsgi_temp_path {d}/u; scgi_temp_path {d}/s;
 server {{ listen 127.0.0.1:{port};
  location /v1/lookup {{ default_type application/json; return 200
   '{{"dialed":"$arg_dialed","targets":[{{"uri":"sip:$arg_dialed","route":"$route"}}]}}';
 }} }} }}
'''

SCRIPT = '''math.randomseed(%d)
request = function()
  local i = math.random(0, %d)
  return wrk.format("GET", string.format("/v1/lookup?dialed=user%%07d@site%%03d.example.com",
                                         i, i %% 1000))
end
'''


def children(pid):
    with open('/proc/%d/task/%d/children' % (pid, pid), encoding='ascii') as handle:
        return [int(w) for w in handle.read().split()]


def load(port, connections, n, folder):
    """(requests a second, how many, p50 and p99 in ms); every reply was 2xx."""
    script = os.path.join(folder, 'wrk.lua')
    with open(script, 'w', encoding='ascii') as handle:
        handle.write(SCRIPT % (connections, n - 1))
    text = subprocess.run(['taskset', '-c', '1', 'wrk', '-t1', '-c%d' % connections,
                           '-d%d' % SECONDS, '--latency', '-s', script,
                           'http://127.0.0.1:%d' % port], text=True, check=True,
                          stdout=subprocess.PIPE).stdout
    if 'Non-2xx' in text or 'Socket errors' in text:
        raise RuntimeError('wrk: ' + text)
    scale = {'us': 0.001, 'ms': 1, 's': 1000}
    at = {name: float(v) * scale[unit] for name, v, unit in
          re.findall(r'(50|99)%\s+([\d.]+)(us|ms|s)', text)}
    return (float(re.search(r'Requests/sec:\s+([\d.]+)', text)[1]),
            int(re.search(r'(\d+) requests in', text)[1]), at['50'], at['99'])


def measure(name, port, pid, n, folder, figures):
    for connections in (1, 32):
        before = ours.cpu(pid)
        rate, count, p50, p99 = load(port, connections, n, folder)
        used = ours.cpu(pid) - before
        prefix = '%s.http.connections%d.' % (name, connections)
        figures.add(prefix + 'requests_per_s', rate, 0)
        figures.add(prefix + 'cpu_us', 1e6 * used / count)
        figures.add(prefix + 'p50_ms', p50)
        figures.add(prefix + 'p99_ms', p99)
    figures.take(name + '.http.half.', wait.lag('http', port, rate / 2, n, 1), 1)


def nginx(n, folder):
    path = os.path.join(folder, 'nginx')
    os.makedirs(path, exist_ok=True)
    with open(os.path.join(path, 'map'), 'w', encoding='ascii') as handle:
        handle.writelines('%s site%03d.route.example;\n' % (ours.key(i), i % 1000)
                          for i in range(n))
    port = free_port()
    with open(os.path.join(path, 'conf'), 'w', encoding='ascii') as handle:
        handle.write(CONF.format(d=path, port=port))
    log = os.path.join(path, 'log')
    with open(log, 'wb') as out:
        # pylint: disable=consider-using-with
        process = subprocess.Popen(['taskset', '-c', '0', 'nginx', '-c',
                                    os.path.join(path, 'conf')], stdout=out, stderr=out,
                                   env=dict(os.environ, PATH=PATHS))
    if not wait_until(lambda: answers(port), 120, 0.1):
        process.terminate()
        raise RuntimeError('nginx does not start')
    return process, port


def answers(port):
    return subprocess.run(['curl', '-s', '-o', '/dev/null', 'http://127.0.0.1:%d/v1/lookup' % port],
                          check=False).returncode == 0


def learned(net, n):
    """A spoke that has learned n entries of its hub, whose calls a route covers."""
    hub = ours.make_hub(net)
    hub.must('plan', 'import', ours.data(n), '--source', 'bench')
    spoke = net.cluster('spoke', http=True)
    spoke.must('init', '--cluster-id', 'spoke', '--fqdn', 'spoke.example.com')
    spoke.must('route', 'add', '*', 'sip:192.0.2.1')
    ours.trust(hub, spoke)
    ours.limits(spoke, n)
    spoke.join(hub, port=hub.tls_port)
    ours.ask('wait', 'sip', spoke.sip_port, 0, ours.key(n - 1))
    return spoke


def run(n, runs, figures):
    if not have('wrk', 'nginx'):
        return
    with Network() as net:
        spoke = learned(net, n)
        process, port = nginx(n, net.folder)
        try:
            for pid in os.listdir('/proc/%d/task' % spoke.process.pid):
                os.sched_setaffinity(int(pid), {0})
            worker = children(process.pid)[0]
            for _ in range(runs):
                measure('ils', spoke.http_port, spoke.process.pid, n, net.folder, figures)
                measure('nginx', port, worker, n, net.folder, figures)
        finally:
            process.terminate()
            process.wait()


def report(said, value):
    for connections in (1, 32):
        prefix = 'http.connections%d.' % connections
        said.ratio('lookups over HTTP a second, %d connections, nginx with a map' % connections,
                   'ils.' + prefix + 'requests_per_s', 'nginx.' + prefix + 'requests_per_s', 0.5,
                   True, value)
        said.ratio('processor time of one, us', 'ils.' + prefix + 'cpu_us',
                   'nginx.' + prefix + 'cpu_us', 0.5, False, value)
