#!/usr/bin/env python3
"""Rows A1, A2, E1 and G1 to G3 of the join, by real daemons: outcome, both traces in order, alarm,
the same code and verdict id at both ends, and the remedy typed as printed at the end it names."""
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import threading

from harness import BUILD, ILSD, ROOT, Network, Tap, free_port, has_ipv6, wait_until

tap = Tap()

ZERO = '0' * 32
PLAIN = r'\[1, 600, 13, \d+\]'
IP = r'\[?[0-9a-f.:]+\]?'
HOST = r'[\w.:-]+'
# The lines of the join, word for word, with this run's values.
LINES = {
    'T1': r'IlsD IlsHandler: Ils::wait_SdlConnectionInd\(\): New connection accepted\. '
          r'DeviceName=, TCPPid = \[1\.600\.13\.\d+\], IPAddr=%s, Port=\d+, '
          r'Controller=\[1,20,1\]' % IP,
    'T2': r'IlsD Ils::ConnectInd TCPPid\(%s\), PeerIP/Port\(%s:\d+\), LocalIP/Port\(%s:\d+\) '
          r'\(%s:\d+\)' % (PLAIN, IP, IP, IP),
    'T3': r'IlsD ::ConnectIndInner Server Connection to PeerId\([0-9a-f]{32}\), TCPPid\(%s\), '
          r'PeerIP/Port\(%s:\d+\), LocalIP/Port\(%s:\d+\) TLSReq\(f\) established'
          % (PLAIN, IP, IP),
    'T4': r'IlsD Ils::ConnectReq\(\): Requesting Connection to IpAddr\(%s\), IpPort\(\d+\), '
          r'TLSReq\(f\)' % HOST,
    'T5': r'IlsD Ils::ConnectReq\(\) Pub IP/Port\(\[?%s\]?:\d+\) Pri IP/Port\(:\d+\) '
          r'TLSReq\(false\)' % HOST,
    'T6': r'IlsD Ils::processConnectReq Initiating non-TLS Connection',
    'T7': r'IlsD Ils::ConnectRes\(\) appCorr\(\d+\) TCPPid\(%s\), PeerIP/Port\(%s:\d+\), '
          r'LocalIP/Port\(%s:\d+\) TLSReq\(f\) found' % (PLAIN, IP, IP),
    'T8': r'IlsD DEBUG\([0-9A-F]{8}\): Client Connection to peerId\(%s\) ipAddr\(%s\) '
          r'ipPort\(\d+\) TLSReq\(f\) succeeded' % (ZERO, HOST),
    'T9': r'IlsD ::ConnectIndInner starting to PeerId\([0-9a-f]{32}\), TCPPid\(%s\), '
          r'PeerIP/Port\(%s:\d+\), LocalIP/Port\(%s:\d+\) TLSReq\(f\) established'
          % (PLAIN, IP, IP),
    'T10': r'IlsD IlsHandler: wait_SdlDataInd EncrUtil::decryptData failed\. DeviceName=, '
           r'TCPPid = \[1\.600\.13\.\d+\], IPAddr=%s, Port=\d+, Controller=\[1,20,1\]' % IP,
    'T11': r'IlsD wait_SdlDataInd sending ILSPwdAuthenticationFailed alarm with IPAddress= %s; '
           r'mAlarmedConnections count= \d+' % IP,
    'T18': r'IlsD ERROR\([0-9A-F]{8}\): Connection to peerId\([0-9a-f]{32}\) ipAddr\(%s\) '
           r'ipPort\(\d+\) TLSReq\(f\) failed, ConnReason\(1\)' % HOST,
    'T22': r'IlsD IlsHandler: Close Req\. DeviceName=, TCPPid = \[1\.600\.13\.\d+\], IPAddr=%s, '
           r'Port=\d+, Controller=\[1,20,1\]' % IP,
}
FRONT = re.compile(r'^\d{8}\.\d{3} \|\d\d:\d\d:\d\d\.\d{3} \|AppInfo \|(.*)$')


def texts(c):
    found = []
    for line in c.trace_lines():
        match = FRONT.match(line)
        found.append(match.group(1) if match else '(no trace line) ' + line)
    return found


def in_order(lines, wanted):
    """Every wanted line is there, in this order; others may stand between."""
    at = 0
    for name in wanted:
        while at < len(lines) and not re.fullmatch(LINES[name], lines[at]):
            at += 1
        if at == len(lines):
            return False
        at += 1
    return True


class Watch:
    """What happens at one end from now on."""

    def __init__(self, c):
        self.c, self.at = c, len(texts(c))

    def lines(self):
        return texts(self.c)[self.at:]

    def has(self, name, wanted):
        good = wait_until(lambda: in_order(self.lines(), wanted), 5)
        tap.ok(good, '%s: trace %s' % (name, ' '.join(wanted)), *self.lines())

    def lacks(self, name, unwanted):
        lines = self.lines()
        found = [line for line in lines for u in unwanted if re.fullmatch(LINES[u], line)]
        tap.ok(not found, '%s: no line of %s' % (name, ' '.join(unwanted)), *found)


def alarm(c, name, key=None):
    row = wait_until(lambda: [a for a in c.json('alarms') if a['name'] == name], 5)
    shown = bool(row) and (key is None or row[0].get(key)) and row[0]['count'] >= 1
    return tap.ok(shown, '%s: alarm %s%s' % (c.name, name, ' with ' + key if key else ''),
                  c.json('alarms'))


def verdict(c, v, code, at, name):
    tap.ok(v.get('code') == code and v.get('remedy_at') == at and v.get('cause') and
           v.get('evidence'), '%s: %s, remedy typed %s' % (name, code, at), v)
    tap.same(c.status, 0 if code == 'ILS-100' else 1, name + ': exit status')


def same_verdict(other, v, name):
    """The other end has a verdict with this id, and its code is the same."""
    row = wait_until(lambda: [w for w in other.json('verdicts')
                              if w['verdict_id'] == v.get('verdict_id')], 5)
    tap.ok(row and row[0]['code'] == v['code'] and row[0]['remedy'] == v['remedy'] and
           row[0]['remedy_at'] != v['remedy_at'],
           name + ': code, id and remedy are the same at the other end', v, row)


class Adopted:
    """A daemon that a shell of the test started: known by its pid alone."""

    def __init__(self, pid):
        self.pid = pid

    def poll(self):
        try:
            os.kill(self.pid, 0)
            return None
        except OSError:
            return 0

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self):
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout=20):
        wait_until(lambda: self.poll() is not None, timeout)
        return self.poll()


def systemctl(c):
    """A shell function that does at this end what systemctl would: it starts the real daemon."""
    argv = ' '.join("'%s'" % word for word in c.command())
    return ('systemctl() { [ "$2" = ilsd ] || return 1\n'
            '  %s >>"%s.out" 2>&1 </dev/null & echo $! >"%s.pid"; }' % (argv, c.data, c.data))


def adopt(c):
    with open(c.data + '.pid', encoding='ascii') as handle:
        c.process = Adopted(int(handle.read()))
    c.output = c.data + '.out'
    wait_until(c.answers)


def type_remedy(c, v, name, stdin='', before=''):
    status, out = c.shell(v['remedy'], stdin=stdin, before=before)
    tap.ok(status == 0, '%s: the remedy `%s` typed at %s' % (name, v['remedy'], c.name), out)


def joins(c, hub, name, **more):
    v = c.join(hub, **more)
    verdict(c, v, 'ILS-100', 'here', name)
    return v


# --- the rows

def row_a1(net, name, address, **more):
    hub = net.cluster('hub' + name, address=more.pop('listen', address)).hub('one password')
    spoke = net.cluster('spoke' + name, address=address).init('one password')
    s, c = Watch(hub), Watch(spoke)
    v = joins(spoke, hub, 'A1 ' + name, host=address, **more)
    same_verdict(hub, v, 'A1 ' + name) if v.get('remedy') else tap.ok(
        wait_until(lambda: [w for w in hub.json('verdicts') if w['verdict_id'] == v['verdict_id']
                            and w['code'] == 'ILS-100'], 5), 'A1 %s: the same id at the hub' % name)
    s.has('A1 ' + name, ['T1', 'T2', 'T3'])
    c.has('A1 ' + name, ['T4', 'T5', 'T6', 'T7', 'T8', 'T9'])
    for watch in (s, c):
        watch.lacks('A1 %s at %s' % (name, watch.c.name), ['T10', 'T11', 'T18', 'T22'])
    tap.ok(not [a for e in (hub, spoke) for a in e.json('alarms') if a['active']],
           'A1 %s: no alarm' % name)
    tap.ok(wait_until(lambda: hub.up_to_date(spoke.name) and spoke.up_to_date(hub.name), 10),
           'A1 %s: each has the other, up to date' % name)
    sql = spoke.json('sql', 'select * from remotecluster')
    tap.ok(sql['columns'] == ['pkid', 'fullyqualifiedname', 'clusterid', 'description', 'version']
           and len(sql['rows']) == 1 and sql['rows'][0][2] == hub.name,
           'A1 %s: remotecluster has the other only' % name, sql)


def row_a2(net):
    hub, spoke = net.cluster('hubA2').hub('right'), net.cluster('spokeA2').init('wrong')
    s, c = Watch(hub), Watch(spoke)
    v = spoke.join(hub)
    verdict(spoke, v, 'ILS-201', 'here', 'A2')
    same_verdict(hub, v, 'A2')
    s.has('A2', ['T1', 'T2', 'T10', 'T11'])
    c.has('A2', ['T18'])
    alarm(hub, 'ILSPwdAuthenticationFailed', 'IPAddress')
    tap.ok(hub.cluster('spokeA2') is None and spoke.cluster('hubA2') is None,
           'A2: nothing was learnt')
    out = spoke.must('trace', '--last')
    tap.ok('failed, ConnReason(1)' in out, 'A2: ils trace --last', out)
    status, out = spoke.ils('status')
    tap.ok(status == 1 and out.startswith('degraded') and 'ILS-201' in out and
           'ils password add' in out, 'A2: status says why and what to type', out)
    status, out = hub.ils('status')
    tap.ok(status == 1 and 'next, at the other end: ils password add' in out,
           'A2: so does the status of the hub', out)
    type_remedy(spoke, v, 'A2', stdin='right\n')
    rejoined(spoke, hub, 'A2')


def rejoined(spoke, hub, name):
    """After the remedy the join succeeds: by itself (it is retried), and asked for again."""
    status = {}

    def joined():
        status.update(spoke.join(hub))
        return status.get('code') == 'ILS-100'
    tap.ok(wait_until(joined, 90, 1), name + ': then it joins', status)
    tap.ok(wait_until(lambda: spoke.up_to_date(hub.name), 10), name + ': and has the hub\'s data')


def row_e1(net):
    hub = net.cluster('hubE1').hub('pw', accept='tls')
    spoke = net.cluster('spokeE1').init('pw')
    s, c = Watch(hub), Watch(spoke)
    v = spoke.join(hub)
    verdict(spoke, v, 'ILS-203', 'there', 'E1')
    same_verdict(hub, v, 'E1')
    s.has('E1', ['T1', 'T22'])
    c.has('E1', ['T18'])
    alarm(hub, 'ILSUnacceptableConnectionAttempt', 'IPAddress')
    type_remedy(hub, v, 'E1')
    rejoined(spoke, hub, 'E1')


def row_g1_refused(net):
    hub, spoke = net.cluster('hubG1').hub('pw'), net.cluster('spokeG1').init('pw')
    hub.stop()
    c = Watch(spoke)
    v = spoke.join(hub)
    verdict(spoke, v, 'ILS-401', 'there', 'G1 refused')
    c.has('G1 refused', ['T4', 'T5', 'T6', 'T18'])
    alarm(spoke, 'ILSHubClusterUnreachable', 'HubAddress')
    type_remedy(hub, v, 'G1 refused', before=systemctl(hub))
    adopt(hub)
    rejoined(spoke, hub, 'G1 refused')


def row_g1_unresolved(net):
    spoke = net.cluster('spokeG1n').init('pw')
    c = Watch(spoke)
    v = spoke.json('join', 'hub.nowhere.invalid:7502')
    verdict(spoke, v, 'ILS-407', 'here', 'G1 name')
    c.has('G1 name', ['T18'])
    alarm(spoke, 'ILSHubClusterUnreachable', 'HubAddress')
    status, _ = spoke.shell(v['remedy'])
    tap.ok(v['remedy'] == 'getent hosts hub.nowhere.invalid' and status == 2,
           'G1 name: the remedy shows that the name is not there', v['remedy'])


def row_g1_no_hub(net):
    hub, middle = net.cluster('hubG1s').hub('pw'), net.cluster('middle').init('pw')
    spoke = net.cluster('spokeG1s').init('pw')
    joins(middle, hub, 'G1 spoke: the dialled end is a spoke')
    c = Watch(spoke)
    v = spoke.join(middle)
    verdict(spoke, v, 'ILS-403', 'there', 'G1 spoke')
    same_verdict(middle, v, 'G1 spoke')
    c.has('G1 spoke', ['T18'])
    alarm(spoke, 'ILSHubClusterUnreachable', 'HubAddress')
    type_remedy(middle, v, 'G1 spoke')
    rejoined(spoke, middle, 'G1 spoke')


def row_g1_itself(net):
    hub = net.cluster('hubG1i').hub('pw')
    c = Watch(hub)
    v = hub.json('join', '127.0.0.1:%d' % hub.port, '--as', 'hub')
    verdict(hub, v, 'ILS-504', 'here', 'G1 itself')
    c.has('G1 itself', ['T18'])
    alarm(hub, 'ILSHubClusterUnreachable', 'HubAddress')


def row_g1_filtered(net):
    space = 'ils-%d' % os.getpid()
    run = ['ip', 'netns', 'exec', space]

    def quiet(*words):
        return subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              check=False).returncode == 0
    if (os.geteuid() != 0 or not shutil.which('nft') or not shutil.which('ip') or
            not quiet('ip', 'netns', 'add', space)):
        tap.skip('G1 filtered', 'no network namespace can be made here')
        return
    try:
        if not (quiet(*run, 'ip', 'link', 'set', 'lo', 'up') and
                quiet(*run, 'nft', 'add table inet filter') and
                quiet(*run, 'nft', 'add chain inet filter input '
                      '{ type filter hook input priority 0; policy accept; }')):
            tap.skip('G1 filtered', 'no packet filter can be set here')
            return
        hub, spoke = [net.cluster(name, prefix=run) for name in ('hubG1f', 'spokeG1f')]
        hub.hub('pw')
        spoke.init('pw')
        quiet(*run, 'nft', 'add rule inet filter input tcp dport %d drop' % hub.port)
        c = Watch(spoke)
        v = spoke.join(hub)
        verdict(spoke, v, 'ILS-406', 'there', 'G1 filtered')
        c.has('G1 filtered', ['T18'])
        alarm(spoke, 'ILSHubClusterUnreachable', 'HubAddress')
        type_remedy(hub, v, 'G1 filtered',
                    before='nft() { %s nft "$@"; }' % ' '.join(run))
        rejoined(spoke, hub, 'G1 filtered')
        for c in (hub, spoke):
            c.stop()
    finally:
        quiet('ip', 'netns', 'del', space)


def row_g6(net):
    """Two networks with one password stay apart until an operator says otherwise."""
    one, two = net.cluster('hubG6').hub('pw'), net.cluster('otherG6').hub('pw')
    spoke = net.cluster('spokeG6').init('pw')
    joins(spoke, one, 'G6: a member of one network')
    s, c = Watch(two), Watch(spoke)
    v = spoke.join(two)
    verdict(spoke, v, 'ILS-408', 'here', 'G6')
    same_verdict(two, v, 'G6')
    s.has('G6', ['T1', 'T22'])
    c.has('G6', ['T18'])
    alarm(two, 'ILSUnacceptableConnectionAttempt', 'IPAddress')
    tap.ok(two.cluster('spokeG6') is None, 'G6: nothing was learnt')
    type_remedy(spoke, v, 'G6')
    rejoined(spoke, two, 'G6')


class Listener:
    """A program that is no ilsd: takes connections and does `answer` with each."""

    def __init__(self, port, answer):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(('127.0.0.1', port))
        self.socket.listen()
        self.kept, self.answer = [], answer
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                s, _ = self.socket.accept()
            except OSError:
                return
            self.kept.append(s)
            try:
                self.answer(s)
            except OSError:
                pass

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(5)
        for s in self.kept:
            s.close()


def row_g2(net):
    hub, spoke = net.cluster('hubG2').hub('pw'), net.cluster('spokeG2').init('pw')
    hub.stop()
    silent = Listener(hub.port, lambda s: None)
    c = Watch(spoke)
    v = spoke.join(hub)
    verdict(spoke, v, 'ILS-402', 'there', 'G2')
    c.has('G2', ['T18'])
    alarm(spoke, 'ILSRemoteHostUnresponsive', 'IPAddress')
    silent.close()
    type_remedy(hub, v, 'G2', before=systemctl(hub))
    adopt(hub)
    rejoined(spoke, hub, 'G2')


def read_frame(s):
    head = b''
    while len(head) < 4:
        part = s.recv(4 - len(head))
        if not part:
            return None, b''
        head += part
    length = int.from_bytes(head[1:], 'big')
    body = b''
    while len(body) < length:
        part = s.recv(length - len(body))
        if not part:
            break
        body += part
    return head[0], body


def hello(low, high):
    body = b'ILS\0' + struct.pack('>BBIIBH', low, high, 0x80000000, 0, 1, 1) + os.urandom(32)
    return bytes([1]) + len(body).to_bytes(3, 'big') + body


def names_versions(c, v, who, who_ja, name):
    here, there = v['versions_here'], v['versions_there']
    said = 'this end speaks %d to %d, the other %d to %d; ' % (*here, *there) + who
    tap.ok(here == [1, 1] and v['cause'].endswith(said), name + ': both versions are named', v)
    _, out = c.shell('ils verdicts', before='export LANG=ja_JP.UTF-8')
    tap.ok('こちらは %d～%d、相手側は %d～%d です。%s' % (*here, *there, who_ja) in out,
           name + ': in Japanese as well', out)


def upgrades(c, v, name):
    """Typed in the directory that it was installed from; what it would put on this host goes
    elsewhere, and nothing is fetched."""
    before = """cd "$(mktemp -d)" && mkdir script && git() { [ "$1" = pull ]; }
    printf '#!/bin/sh\nexec "%s/script/install" --build "%s" --destdir "%s/new"\n' >script/install
    chmod +x script/install""" % (ROOT, BUILD, c.data)
    type_remedy(c, v, name, before=before)


def row_g3(net):
    spoke = net.cluster('spokeG3').init('pw')
    heard = []

    def from_the_future(s):
        s.settimeout(10)
        heard.append(read_frame(s))
        s.sendall(hello(9, 9))
        heard.append(read_frame(s))
    peer = Listener(0, from_the_future)
    port = peer.socket.getsockname()[1]
    c = Watch(spoke)
    v = spoke.json('join', '127.0.0.1:%d' % port)
    verdict(spoke, v, 'ILS-404', 'here', 'G3')
    names_versions(spoke, v, 'this end is to be upgraded', 'こちらを更新', 'G3')
    c.has('G3', ['T18'])
    alarm(spoke, 'ILSProtocolVersion', 'IPAddress')
    tap.ok(heard and heard[0][0] == 1 and heard[0][1][:4] == b'ILS\0', 'G3: a hello was sent')
    status, out = spoke.ils('diagnose', '127.0.0.1:%d' % port)
    tap.ok(status == 1 and 'this end speaks 1 to 1, the other 9 to 9; this end is' in out,
           'G3: so are they where the way is tested', out)
    upgrades(spoke, v, 'G3')
    peer.close()
    hub = net.cluster('hubG3').hub('pw')
    with socket.create_connection(('127.0.0.1', hub.port), 10) as s:
        s.settimeout(10)
        s.sendall(hello(0, 0))
        frames = []
        while True:
            kind, body = read_frame(s)
            if kind is None:
                break
            frames.append((kind, body))
    tap.ok(any(kind == 4 and b'\x94\x03' in body for kind, body in frames),
           'G3: a dialler of another version is told goodbye with 404', frames)
    tap.same([body[4:6] for kind, body in frames if kind == 1], [bytes([1, 1])],
             'G3: and before it, which versions are spoken here')
    v = hub.json('verdicts')[0]
    names_versions(hub, v, 'the other end is to be upgraded', '相手側を更新', 'G3, dialled')
    tap.same((v['remedy_at'], v['versions_there']), ('there', [0, 0]), 'G3, dialled: who is older')
    alarm(hub, 'ILSProtocolVersion', 'IPAddress')


def main():
    with Network() as net:
        tap.run(row_a1, net, 'address', '127.0.0.1')
        tap.run(lambda: row_a1_name(net))
        if has_ipv6():
            tap.run(row_a1, net, 'ipv6', '::1')
        else:
            tap.skip('A1 ipv6', 'no IPv6 here')
        for row in (row_a2, row_e1, row_g1_refused, row_g1_unresolved, row_g1_no_hub,
                    row_g1_itself, row_g1_filtered, row_g2, row_g3, row_g6):
            tap.run(row, net)
    tap.done()


def row_a1_name(net):
    hub = net.cluster('hubname', address='127.0.0.1').hub('pw')
    spoke = net.cluster('spokename').init('pw')
    c = Watch(spoke)
    joins(spoke, hub, 'A1 name', host='localhost')
    c.has('A1 name', ['T4', 'T5', 'T6', 'T7', 'T8', 'T9'])
    tap.ok(any('IpAddr(localhost)' in line for line in c.lines()), 'A1 name: the name as dialled')
    tap.ok(wait_until(lambda: spoke.up_to_date(hub.name), 10), 'A1 name: up to date')


main()
