#!/usr/bin/env python3
"""A member announces patterns of which so many may match that no lookup can ask them all: whoever
calls is told that it is not known, never that it is nobody's, and the operator who it is."""
import random

import kill
from harness import Network, Tap, wait_until

PATTERNS = 31200
tap = Tap()


def hostile(rand):
    """Patterns that agree with 72012 in nearly every way, and end with another digit."""
    seen = set()
    while len(seen) < PATTERNS:
        text = '7'
        for digit in '2012':
            digits = {digit} | {d for d in '0123456789' if rand.random() < 0.5}
            text += '[%s]' % ''.join(sorted(digits)) if len(digits) > 1 else digit
        seen.add(text + '9')
    return 'type,key\n' + ''.join('ENTERPRISEPATTERN,%s\n' % key for key in sorted(seen))


def alarm(c):
    return next((a for a in c.json('alarms') if a['name'] == 'ILSPatternsExceeded'), None)


def exceeded(hub, spoke):
    hub.must('route', 'add', '*', 'sip:192.0.2.1')
    spoke.must('plan', 'add', 'ENTERPRISEPATTERN', '81XX')
    tap.ok(wait_until(lambda: hub.up_to_date('site-b')), 'its plan is here')
    where = ('127.0.0.1', hub.sip_port)
    tap.same(kill.invite(where, '8123')[0], 302, 'a pattern of it is found')
    tap.ok(alarm(hub) is None, 'and nothing is wrong')
    spoke.must('plan', 'import', '-', '--source', 'many', stdin=hostile(random.Random(1)))
    entries = spoke.json('status')['own_entries']
    tap.ok(wait_until(lambda: hub.up_to_date('site-b') and
                      hub.json('status')['entries'] >= entries), 'then come %d more' % PATTERNS)
    code = kill.invite(where, '720120')
    tap.ok(code is not None and code[0] == 503, 'what is not known is no "not found"', code)
    raised = wait_until(lambda: alarm(hub) is not None)
    row = alarm(hub)
    tap.ok(raised and row['Cluster1'] == 'site-b' and row['active'],
           'the alarm ILSPatternsExceeded names the cluster', row)
    out = hub.must('alarms')
    tap.ok('ILSPatternsExceeded' in out and 'site-b' in out, 'and the screen does', out)
    status, out = hub.ils('lookup', '720120')
    tap.ok(status != 0 and ('cut' in out + hub.error or 'patterns' in out + hub.error),
           'a lookup says so', out, hub.error)
    tap.same(kill.invite(where, '8123')[0], 302, 'what is found before that is answered as ever')


def main():
    with Network() as net:
        hub = net.cluster('site-a').hub('a password')
        spoke = net.cluster('site-b').init('a password')
        spoke.join(hub)
        tap.run(exceeded, hub, spoke)
    tap.done()


if __name__ == '__main__':
    main()
