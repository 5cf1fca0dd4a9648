#!/usr/bin/env python3
"""Random dialled strings are decided alike at every door: SIP and DNS over UDP, HTTP by the string
and by the batch, the command line's socket (`lookup`, and `why` within it), each as far as it can
say it. Many questions are under way at once, so that many can be asked. test_doors.py [STRINGS]"""
import http.client
import json
import random
import re
import select
import socket
import sys
import urllib.parse

from dnsdoor import Reply, is_built, number_name, question, uri_name
from harness import Network, Tap, wait_until
from kill import Control

tap = Tap()
STRINGS = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
AT_ONCE, PIECE = 64, 1000

OSAKA = """PatternType,PSTNFailover,Pattern
E164,,+81661234567
E164,ITSELF,+81661234568
ENTERPRISE,2:06,2001
URI,,alice@osaka.example.com
URI,,a!b@osaka.example.com
E164PATTERN,,+8190XXXXXXXX
E164PATTERN,,+81901234XXXX
ENTERPRISEPATTERN,,7[1-5]XX
ENTERPRISEPATTERN,,78!
"""
NARA = """PatternType,PSTNFailover,Pattern
E164,,+81742000001
ENTERPRISE,,2001
ENTERPRISEPATTERN,,6XXX
ENTERPRISEPATTERN,,71XX
URI,,bob@nara.example.com
"""
NEAR = ['+81661234567', '+81661234568', '2001', '7123', '7812', '+819012345678', '1001',
        '+81742000001', '6123', '+49301234', 'alice@osaka.example.com', 'a!b@osaka.example.com',
        'bob@nara.example.com', 'carol@tokyo.example.com', '1002@tokyo.example.com']
INVITE = ('INVITE sip:%s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bK%d\r\n'
          'Max-Forwards: 70\r\nFrom: <sip:caller@a.example.com>;tag=%d\r\nTo: <sip:x@y.example>\r\n'
          'Call-ID: c%d\r\nCSeq: 1 INVITE\r\nContact: <sip:caller@127.0.0.1:9>\r\n'
          'Content-Length: 0\r\n\r\n')


def network(net):
    tokyo = net.cluster('tokyo', http=True, dns=True).hub('secret')
    for name, plan in (('osaka', OSAKA), ('nara', NARA)):
        c = net.cluster(name).init('secret')
        c.join(tokyo)
        c.must('plan', 'import', '-', '--source', 'csv', stdin=plan)
    tokyo.must('plan', 'add', 'ENTERPRISE', '1001')
    tokyo.must('plan', 'add', 'URI', 'carol@tokyo.example.com')
    tokyo.must('route', 'add', 'osaka.example.com', 'sip:10.0.0.5:5080;transport=tcp')
    tokyo.must('route', 'add', 'osaka.example.com', 'sip:10.0.0.6')
    tokyo.must('route', 'add', 'pstn', 'sip:10.0.0.9')
    tokyo.must('block', 'add', '--prefix', '+819012')
    for text in ('7812', 'bob@nara.example.com'):
        wait_until(lambda d=text: tokyo.json('lookup', d)['match'] is not None)
    return tokyo


def dialled(rand):
    """A string that somebody may dial: most are near something that is advertised."""
    text = rand.choice(NEAR)
    if '@' in text:
        if rand.random() < 0.5:
            at = rand.randrange(len(text))
            text = text[:at] + rand.choice('abcxyz.-_!~*\'()&=+$,@%') + text[at + 1:]
        return text
    for _ in range(rand.choice((0, 0, 0, 1, 1, 2, 4))):
        at = rand.randrange(text.startswith('+'), len(text))
        text = rand.choice((text[:at] + rand.choice('0123456789') + text[at + 1:],
                            text[:at] + text[at + 1:], text + rand.choice('0123456789'),
                            text[:at] + rand.choice('-.()') + text[at:]))
    return text if text.lstrip('+') else '0'


# --- what each door says

def by_socket(control, texts):
    """The requests of a piece on their way while the answers are read."""
    def answers():
        for text in texts:
            yield control.ask('lookup', dialled=text)
    return list(answers())


def as_http(ours):
    match = dict(ours['match']) if ours['match'] else None
    if match:
        match = {k: match[k] for k in ('kind', 'value', 'cluster_id', 'route_string', 'usn',
                                       'local', 'stale')}
    return {'dialed': ours['dialed'], 'canonical': ours['why']['canonical'],
            'result': ours['result'], 'longer': ours['longer'], 'match': match,
            'targets': [{k: t[k] for k in ('uri', 'q', 'reason', 'route_pattern')}
                        for t in ours['targets']]}


def why_is(ours):
    """What `why` tells beside the winner: who lost, each to a rule; with nobody else, a reason."""
    losers = ours['why']['losers']
    return bool(ours['why']['text']) and all(m['rule'] for m in losers) and \
        (ours['result'] != 'blocked' or bool(losers)) and (ours['match'] or {}) not in losers


def flood(port, asked, mark_of):
    """{i: reply} for {i: datagram}: so many under way at most; without an answer, asked again."""
    replies, waiting, queue = {}, set(), list(reversed(list(asked)))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(('127.0.0.1', port))
        while len(replies) < len(asked):
            while queue and len(waiting) < AT_ONCE:
                i = queue.pop()
                waiting.add(i)
                s.send(asked[i])
            if not select.select([s], [], [], 2)[0]:
                queue.extend(waiting)
                waiting.clear()
                continue
            data = s.recv(65536)
            i = mark_of(data)
            waiting.discard(i)
            replies[i] = data
    return replies


def by_sip(c, texts):
    """{i: [(uri, q)]} for what a Request-URI can hold as it is; a name without a port, so that what
    was dialled with a host is that URI."""
    asked = {}
    for i, text in enumerate(texts):
        if re.fullmatch(r"[-+A-Za-z0-9_.!~*'()&=$,]+(@[-A-Za-z0-9.]+)?", text):
            uri = text if '@' in text else '%s@127.0.0.1:%d' % (text, c.sip_port)
            asked[i] = (INVITE % (uri, i, i, i)).encode()
    replies = flood(c.sip_port, asked,
                    lambda data: int(re.search(rb'\r\nCall-ID: c(\d+)', data).group(1)))
    said = {}
    for i, data in replies.items():
        head = re.search(r'^Contact: *(.*?)\r$', data.decode(), re.M)
        said[i] = (int(data.split(b' ', 2)[1]),
                   [(u, float(q)) for u, q in re.findall(r'<([^>]*)>;q=([0-9.]+)',
                                                         head.group(1) if head else '')])
    return said


def by_dns(c, texts):
    """{i: (rcode, [(uri, q)])} for digits, and for URIs that fit into a name."""
    asked = {}
    for i, text in enumerate(texts):
        if re.fullmatch(r'\+?[0-9]{1,24}', text):
            asked[i] = question(number_name(text), mark=i)
        elif re.fullmatch(r"[-+A-Za-z0-9_.!~*'()&=$,]+@[a-z0-9][a-z0-9.]*[a-z0-9]", text) and \
                '..' not in text and not text.startswith('.') and '.@' not in text:
            asked[i] = question(uri_name(text), mark=i)
    replies = flood(c.dns_port, asked, lambda data: int.from_bytes(data[:2], 'big'))
    told = {}
    for i, data in replies.items():
        reply = Reply(data)
        told[i] = reply.rcode, [(u, (1100 - n) / 1000) for n, u in reply.naptr]
    return told


class Web:
    """The HTTP door through one connection. The door ends it after 15 s without a request, as on a
    busy machine; like any client this one then asks again through another (RFC 9112, 9.3.1)."""

    def __init__(self, port):
        self.link, self.again = http.client.HTTPConnection('127.0.0.1', port, timeout=60), 0

    def ask(self, *request):
        for last in (False, True):
            try:
                self.link.request(*request)
                return json.loads(self.link.getresponse().read())
            except ConnectionError:
                self.link.close()
                self.again += 1
                if last:
                    raise

    def batch(self, texts):
        return self.ask('POST', '/v1/lookup', json.dumps(texts))

    def one(self, text):
        return self.ask('GET', '/v1/lookup?dialed=' + urllib.parse.quote(text, safe='+'))


# --- all of them

class Count:
    def __init__(self):
        self.kinds, self.wrong, self.sip, self.dns, self.wrong_n = {}, [], 0, 0, 0

    def judge(self, text, ours, many, one, sip, dns):
        wanted = as_http(ours)
        targets = [(t['uri'], t['q']) for t in wanted['targets']]
        quoted = [(u.replace('!', '%21'), q) for u, q in targets]
        self.kinds[wanted['result']] = self.kinds.get(wanted['result'], 0) + 1
        self.sip += sip is not None
        self.dns += dns is not None
        if many != wanted or one not in (None, wanted) or not why_is(ours) or \
                (sip is not None and (sip[1] != targets or (sip[0] == 302) != bool(targets))) or \
                (dns is not None and ([(u.replace('!', '%21'), q) for u, q in dns[1]] != quoted or
                                      dns[0] not in ('NOERROR', 'NXDOMAIN'))):
            self.wrong_n += 1
            self.wrong = (self.wrong + [(text, ours, many, one, sip, dns)])[:3]


def one_decision(c, seed):
    rand, count, control, web = random.Random(seed), Count(), Control(c), Web(c.http_port)
    all_of_them = 0
    for at in range(0, STRINGS, PIECE):
        texts = [dialled(rand) for _ in range(min(PIECE, STRINGS - at))]
        many = web.batch(texts)
        all_of_them += len(many)
        one = {i: web.one(texts[i]) for i in range(0, len(texts), 10)}  # the door's other form
        sip, dns = by_sip(c, texts), by_dns(c, texts)
        for i, ours in enumerate(by_socket(control, texts)):
            count.judge(texts[i], ours, many[i], one.get(i), sip.get(i), dns.get(i))
    print('# %d strings, by SIP %d, by DNS %d: %s' % (STRINGS, count.sip, count.dns, count.kinds))
    print('# seed %d; connections that the HTTP door ended: %d' % (seed, web.again))
    tap.same(all_of_them, STRINGS, 'every string of the batches has an answer')
    tap.ok(not count.wrong_n,
           '%d strings, the same decision by HTTP, SIP, DNS, the socket and why' % STRINGS,
           count.wrong_n, count.wrong)
    kinds = count.kinds
    tap.ok(len(kinds) >= 5 and all(n * 100 >= STRINGS for n in kinds.values()),
           'which decide in every way', kinds)
    before = Count()
    ours = control.ask('lookup', dialled='7812')
    before.judge('7812', ours, as_http(dict(ours, longer=True)), None, None, None)
    before.judge('7812', ours, as_http(ours), None, (302, [('sip:x', 1.0)]), None)
    before.judge('7812', ours, as_http(ours), None, None, ('NOERROR', []))
    tap.same(before.wrong_n, 3, 'control: another answer at one door is seen')


def main():
    with Network() as net:
        tokyo = network(net)
        if is_built(tokyo):
            tap.run(one_decision, tokyo, random.getrandbits(32) if STRINGS > 2000 else 20261123)
        else:
            tap.skip('DNS', 'this ilsd is built without it')
    tap.done()


main()
