#!/usr/bin/env python3
"""The second factor of the admin page, by the clock of this machine: set up, asked for, good once,
also after a restart; guessed at; lost; required of everybody. And passwords that an operator's list
has. A code lives for its half minute, so each is made where enough of that is left.
"""
import contextlib
import ctypes
import glob
import json
import os
import re
import sqlite3
import time
import urllib.parse

from harness import Network, Tap, free_port
from page import Page, half_minute, totp

tap = Tap()
ONE = 'correct horse battery'
TWO = 'a second long pass phrase'
RECOVERY = '[A-Z2-7]{4}(-[A-Z2-7]{4}){5}'


def set_up(net):
    c = net.cluster('tokyo')
    c.stop()
    kept = os.stat(c.output)  # as under systemd: what goes to the journal is in the file
    c.env['JOURNAL_STREAM'] = '%d:%d' % (kept.st_dev, kept.st_ino)
    c.start()
    port = free_port()
    c.must('init', '--cluster-id', 'tokyo', '--fqdn', 'ils.tokyo.example.com')
    page = Page(port)
    page.setup(c.json('page', 'setup', '--listen', '127.0.0.1:%d' % port)['code'], 'ann', ONE)
    page.api('users', {'name': 'rob', 'password': TWO, 'role': 'read'})
    return c, page


def other(page, name, password, code=None, source=None):
    user = Page(page.port, source=source)
    user.answer = user.login(name, password, code)
    return user


def user_of(c, name):
    return next(u for u in c.json('page')['users'] if u['name'] == name)


def enrol(c, page):
    """The key and the recovery codes of ann."""
    elsewhere = other(page, 'ann', ONE)
    offer = page.api('session/factor').json()
    uri = urllib.parse.urlsplit(offer['uri'])
    query = urllib.parse.parse_qs(uri.query)
    tap.same((uri.scheme, uri.netloc, urllib.parse.unquote(uri.path), query['secret'][0],
              query['issuer'][0]), ('otpauth', 'totp', '/OpenILS tokyo:ann', offer['key'],
                                    'OpenILS tokyo'), 'a key is offered as authenticators read'
             ' it')
    tap.ok(re.fullmatch('[A-Z2-7]{32}', offer['key']), 'V6.5.3: it has 160 random bits',
           offer['key'])
    tap.ok(page.api('session/factor').json()['key'] != offer['key'],
           'V6.5.3: and another one each time')
    tap.same(page.api('session/factor', {'code': totp(offer['key'])}).error(),
             (400, 'SECOND_FACTOR'), 'a code of an offer before the last one is none')
    offer = page.api('session/factor').json()
    half_minute()
    for wrong in (totp(offer['key'], -1), totp(offer['key'], 1), '00000', 'abcdef', offer['key']):
        tap.same(page.api('session/factor', {'code': wrong}).error(), (400, 'SECOND_FACTOR'),
                 'it does not count by what is no code of it: %d characters' % len(wrong))
    tap.same(user_of(c, 'ann')['second_factor'], False, 'what is offered is asked of nobody')
    half_minute()
    code = totp(offer['key'])
    answer = page.enter(page.api('session/factor', {'code': code}))
    recovery = answer.json()['recovery_codes']
    tap.same((answer.status, len(set(recovery))), (200, 8), 'with a code of it it counts',
             answer.body)
    tap.ok(all(re.fullmatch(RECOVERY, one) for one in recovery),
           'V6.5.2: a recovery code has 120 bits, and may be kept as a hash', recovery)
    tap.same(page.get('session').json()['second_factor'], True, 'whoever set it up is in')
    tap.same(elsewhere.get('status').error(), (401, 'SESSION'), 'V7.4.3: his other sessions end')
    return offer['key'], code, recovery


def asked(c, page, key, used, recovery):
    tap.same(other(page, 'ann', ONE).answer.error(), (401, 'SECOND_FACTOR'),
             'V6.3.3: the password alone lets nobody in')
    tap.same(other(page, 'ann', TWO, totp(key, 1)).answer.error(), (401, 'LOGIN'),
             'V6.3.3: nor does a code alone')
    now = half_minute(int(time.time()) // 30)
    coming = totp(key, 1)
    for name, wrong, told in (('the one before, which set it up', used, False),
                              ('one of a minute ago', totp(key, -2), False),
                              ('the next one', coming, True)):
        answer = other(page, 'ann', ONE, wrong).answer
        tap.same(answer.error(), (401, 'SECOND_FACTOR'),
                 'V6.5.5: not by a code of another time: ' + name)
        tap.same('clocks differ' in answer.json()['error']['text'], told,
                 'what may be wrong with the clock is said: ' + name)
    code = totp(key)
    tap.same(other(page, 'ann', ONE, code[:3] + ' ' + code[3:]).answer.status, 200,
             'V6.3.3: both together do')
    tap.same(other(page, 'ann', ONE, code).answer.error(), (401, 'SECOND_FACTOR'),
             'V6.5.1: a code is good once')
    half_minute(now)
    tap.same((totp(key), other(page, 'ann', ONE, coming).answer.error()),
             (coming, (401, 'SECOND_FACTOR')),
             'V6.5.5: what was told to be of the next half minute is not taken in that either')
    tap.same(page.prove(ONE).error(), (403, 'SECOND_FACTOR'), 'V7.5.1: a proof wants both')
    tap.same(page.prove(ONE, recovery[0].lower().replace('-', ' ')).status, 200,
             'a recovery code stands for one')
    tap.same(page.prove(ONE, recovery[0]).error(), (403, 'SECOND_FACTOR'), 'V6.5.1: once')
    tap.same(page.api('session/password', {'password': ONE, 'new': TWO}).error(),
             (403, 'SECOND_FACTOR'), 'V6.2.3: a new password wants both as well')
    tap.same(user_of(c, 'ann')['recovery_left'], 7, 'how many are left is told')
    c.restart()
    for name, spent in (('code', code), ('recovery code', recovery[0])):
        tap.same(other(page, 'ann', ONE, spent).answer.error(), (401, 'SECOND_FACTOR'),
                 'V6.5.1: nor after a restart: the ' + name)
    tap.same(page.login('ann', ONE, recovery[1]).status, 200, 'the control: one that is left')


def guessing(page, key, recovery):
    """Whoever has the password, and more than one address."""
    said = [other(page, 'ann', ONE, '%06d' % i, '127.0.0.20').answer.error() for i in range(5)]
    tap.same(said, [(401, 'SECOND_FACTOR')] * 5, 'wrong codes are refused')
    half_minute()
    tap.same(other(page, 'ann', ONE, totp(key), '127.0.0.21').answer.error(), (429, 'WAIT'),
             'V6.6.3: after five of them the account waits for codes')
    said = [other(page, 'rob', 'wrong wrong wrong', None, '127.0.0.20').answer.error()
            for _ in range(4)]
    tap.ok((429, 'WAIT') in said, 'V6.6.3: and the address, as after wrong passwords', said)
    tap.same(page.get('status').status, 200, 'V6.6.3: the control: who is in stays in')
    tap.same(other(page, 'ann', ONE, recovery[2], '127.0.0.40').answer.status, 200,
             'V6.6.3: the control: who has a recovery code comes in')
    tap.same(other(page, 'rob', TWO, None, '127.0.0.22').answer.status, 200,
             'V6.6.3: the control: another account does not wait, elsewhere')


def elsewhere(c, page):
    """As long as nobody has said whether it is required, the place says so."""
    port = free_port()
    said = ('door', 'set', 'page', '--allow', '127.0.0.0/8', '--listen')
    tap.same(c.json('page')['second_factor'], 'optional',
             'on loopback, where whoever comes is on the host, it is required of nobody')
    c.must(*said, '0.0.0.0:%d' % port)
    rob = Page(port, source='127.0.0.49')
    rob.login('rob', TWO)
    tap.same((c.json('page')['second_factor'], rob.get('session').json()['enrol'],
              rob.get('status').error()), ('required', True, (403, 'ENROL')),
             'V6.3.3: elsewhere it is required of everybody, from the start')
    page.port, kept = port, page.port
    tap.same(page.get('status').status, 200, 'V6.3.3: the control: who has one is in')
    c.must(*said, '127.0.0.1:%d' % kept)
    page.port = rob.port = kept
    tap.same((c.json('page')['second_factor'], rob.get('status').status), ('optional', 200),
             'the control: on loopback again, so is who has none')


def weaker(c, page):
    """A hash from before, made with less work, becomes one of today."""
    sodium, text = ctypes.CDLL('libsodium.so.23'), ctypes.create_string_buffer(128)
    sodium.sodium_init()
    sodium.crypto_pwhash_str_alg(text, TWO.encode(), ctypes.c_ulonglong(len(TWO)),
                                 ctypes.c_ulonglong(1), ctypes.c_size_t(8192), 2)

    def row(value=None):
        with contextlib.closing(sqlite3.connect(os.path.join(c.data, 'ilsd.db'))) as db:
            if value is not None:
                db.execute('update door set value = ? where key = ?', (value, b'page:rob'))
                db.commit()
            return json.loads(db.execute('select value from door where key = ?',
                                         (b'page:rob',)).fetchone()[0])
    c.stop()
    row(json.dumps(dict(row(), hash=text.value.decode())).encode())
    c.start()
    for time in ('first', 'next'):
        tap.same(other(page, 'rob', TWO, None, '127.0.0.48').answer.status, 200,
                 'V11.2.2: who has a hash of less work is let in: the %s time' % time)
    tap.same(other(page, 'rob', ONE, None, '127.0.0.48').answer.error(), (401, 'LOGIN'),
             'V11.2.2: the control: by another password he is not')
    c.stop()
    before, after = text.value.decode(), row()['hash']
    tap.same([h.split('$')[3].rsplit(',', 1)[0] for h in (before, after)],
             ['m=8,t=1', 'm=65536,t=3'], 'V11.2.2: and his hash is made anew')
    c.start()


def required(c, page):
    rob = other(page, 'rob', TWO, None, '127.0.0.50')
    with rob.connect() as s:
        s.settimeout(10)
        s.sendall(rob.raw('GET', '/api/v1/events'))
        s.recv(100)
        c.must('page', 'set', '--second-factor', 'required')
        tap.ok(ends(s), 'V6.3.3: where it is required, who has none follows nothing any more')
    tap.same(rob.get('status').error(), (403, 'ENROL'), 'V6.3.3: nor reads anything')
    tap.same(rob.get('openapi.json').status, 200, 'V6.3.3: the control: what is for everybody')
    rob = other(page, 'rob', TWO, None, '127.0.0.50')
    tap.same((rob.answer.json()['enrol'], rob.get('sessions').error()), (True, (403, 'ENROL')),
             'V6.3.3: he comes in to set one up, and for nothing else')
    key = rob.api('session/factor').json()['key']
    half_minute()
    answer = rob.enter(rob.api('session/factor', {'code': totp(key)}))
    tap.same((answer.json().get('enrol'), rob.get('status').status), (False, 200),
             'V6.3.3: then he is in')
    tap.same(rob.api('session/factor/remove').error(), (409, 'REQUIRED'), 'and keeps it')
    tap.same(rob.api('page/set', {'second_factor': 'optional'}).error(), (403, 'ROLE'),
             'V8.2.1: what is required is an admin\'s to say')
    tap.same(page.api('page/remove', {'name': 'rob', 'second_factor': True}).status, 200,
             'V6.4.4: whose authenticator is lost has it taken away by an admin')
    tap.same((rob.get('status').error(), other(page, 'rob', TWO, None, '127.0.0.51')
              .answer.json()['enrol']), ((401, 'SESSION'), True),
             'V6.4.4: his sessions end, and he sets up another')
    c.restart()
    tap.same(c.json('page')['second_factor'], 'required', 'a restart does not end it')
    tap.ok(c.ils('page', 'set', '--second-factor', 'maybe')[0] != 0,
           'there is nothing between required and optional')
    c.must('page', 'set', '--second-factor', 'optional')
    again = other(page, 'rob', TWO, None, '127.0.0.52')
    tap.same((again.answer.json()['enrol'], again.get('status').status), (False, 200),
             'the control: where it is optional he is in without')


def lost(c, page, recovery):
    page.login('ann', ONE, recovery[3])
    tap.same(page.enter(page.api('session/factor/remove')).status, 200, 'one\'s own goes')
    tap.same(other(page, 'ann', ONE).answer.status, 200, 'and is asked no more')
    key = page.api('session/factor').json()['key']
    half_minute()
    page.api('session/factor', {'code': totp(key)})
    tap.same(other(page, 'ann', ONE).answer.error(), (401, 'SECOND_FACTOR'), 'another one counts')
    code = c.json('page', 'setup')['code']
    tap.same(Page(page.port, source='127.0.0.60').setup(code, 'ann', TWO).status, 200,
             'V6.4.4: the code at the console is the way back')
    tap.same(other(page, 'ann', TWO, None, '127.0.0.61').answer.status, 200,
             'V6.4.4: without the one that is lost')
    return key


def of_the_host(c, page, taken):
    """The dictionary of Debian's cracklib-runtime, by itself; a list of one's own stands for it."""
    if not os.path.exists('/usr/share/dict/cracklib-small'):
        print('# no cracklib-runtime here: its list is not asked')
        return
    for word, status in (('contortionist', 200 if taken else 400), ('xontortionizt', 200)):
        answer = page.api('users', {'name': 'rob', 'password': word})
        tap.ok(answer.status == status and (status == 200 or b'list' in answer.body),
               'V6.2.4: %s, by the list of the host: %d' % (word, status), answer.body)


def listed(c, page):
    """Passwords that an operator's list has; the controls are those beside it."""
    path = os.path.join(c.data, 'passwords.txt')
    with open(path, 'w', encoding='utf-8') as handle:
        handle.write('whosyourdaddy\r\nthecakeisalie\n\nsonnenschein in lodz\nkissas mit ä und ö')
    page.login('ann', TWO)
    taken = [page.api('users', {'name': 'rob', 'password': w}).status
             for w in ('thecakeisalie', 'sonnenschein in lodz')]
    tap.same(taken, [200, 200], 'V6.2.12: the control: without a list they are taken')
    of_the_host(c, page, False)
    c.stop()
    c.options = ['--page-passwords', path]
    c.start()
    page.login('ann', TWO)
    for poor in ('whosyourdaddy', 'theCAKEisalie', 'sonnenschein in lodz', 'kissas mit ä und ö'):
        answer = page.api('users', {'name': 'rob', 'password': poor})
        tap.ok(answer.error() == (400, 'PASSWORD') and 'list' in answer.json()['error']['text'],
               'V6.2.12: in the list, refused: ' + poor, answer.body)
    of_the_host(c, page, True)
    tap.same(page.api('users', {'name': 'rob', 'password': 'sonnenschein in lod'}).status, 200,
             'V6.2.4: what is not in it is taken, so the list is asked and nothing else')
    tap.same(page.api('session/password', {'password': TWO, 'new': 'thecakeisalie'}).error(),
             (400, 'PASSWORD'), 'V6.2.12: for one\'s own as well')
    os.remove(path)
    tap.same(page.api('users', {'name': 'rob', 'password': 'sonnenschein in lodz'}).error(),
             (503, 'LIST'), 'V6.2.12: without its list no password is taken')


def ends(s):
    try:
        while s.recv(65536):
            pass
        return True
    except OSError:
        return False


def secrets(c, words):
    """None of them in the log, a trace or the audit; no recovery code anywhere."""
    with open(c.output, encoding='utf-8', errors='replace') as handle:
        told = handle.read()
    told += ''.join(c.trace_lines()) + repr(c.ask('audit', max=100))
    tap.ok('second factor name=ann' in told and 'recovery code used name=ann' in told,
           'V16.2.1: the audit says that one was set up, and that a recovery code was used', told)
    tap.ok('ann gave the right password and a wrong code' in told,
           'V16.3.1: the log says who has the password and not the code')
    kept = b''
    for path in glob.glob(c.data + '/**', recursive=True):
        if os.path.isfile(path):
            with open(path, 'rb') as handle:
                kept += handle.read()
    for key, codes in words:
        tap.ok(key not in told and not any(one in told for one in codes),
               'V16.2.5: no key and no code is told')
        tap.ok(not any(one.encode() in kept or one.replace('-', '').encode() in kept
                       for one in codes), 'V6.5.2: no recovery code is kept')


with Network() as net:
    cluster, ann = set_up(net)
    ann_key, ann_code, ann_recovery = enrol(cluster, ann)
    tap.run(asked, cluster, ann, ann_key, ann_code, ann_recovery)
    tap.run(guessing, ann, ann_key, ann_recovery)
    tap.run(elsewhere, cluster, ann)
    tap.run(required, cluster, ann)
    cluster.restart()
    second = lost(cluster, ann, ann_recovery)
    tap.run(weaker, cluster, ann)
    tap.run(listed, cluster, ann)
    tap.run(secrets, cluster, [(ann_key, ann_recovery), (second, [])])
tap.done()
