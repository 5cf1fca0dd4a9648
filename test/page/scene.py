"""scene: real daemons behind a test in the browser.

    scene = Scene('enter.mjs')
    with Network() as net:
        ...
        scene.add(c)                  its page, with an account that may change everything
        scene.add(c, account=None)    its page, with a setup code only
        scene.run(path=...)           the rest is the browser's

The Python side starts the daemons and says where their pages are; the node side (harness.mjs)
is what people do, and prints the TAP. Where the node side wants something of a daemon it asks on
its standard output, `? {"id", "cluster", "call", "args"}`, a method of harness.Cluster, and is
answered on its standard input. What is absent is said, and nothing is tried.
"""
import json
import os
import shutil
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'system'))

from harness import Network, free_port, wait_until  # noqa: E402,F401
from page import Page  # noqa: E402

ACCOUNT = {'name': 'ann', 'password': 'correct horse battery'}
CALLS = ('json', 'must', 'kill', 'start', 'trace_lines')


def absent():
    """Why no browser can be had here, or None."""
    if shutil.which('chromium') is None:
        return 'no chromium'
    if shutil.which('node') is None:
        return 'no node'
    version = subprocess.run(['node', '--version'], stdout=subprocess.PIPE, text=True,
                             check=False).stdout.strip()
    if int(version.lstrip('v').split('.')[0] or 0) < 20:
        return 'node %s is older than 20' % version
    if not os.path.isdir(os.path.join(HERE, 'node_modules', 'playwright-core')):
        return 'no node_modules: npm ci in test/page'
    return None


class Scene:
    def __init__(self, program):
        self.program, self.clusters, self.given = program, {}, {}
        reason = absent()
        if reason:
            print('1..0 # SKIP ' + reason)
            sys.exit(0)

    def add(self, c, account='ann'):
        port = free_port()
        told = c.json('page', 'setup', '--listen', '127.0.0.1:%d' % port)
        given = {'name': c.name, 'url': told['url'], 'address': c.address, 'port': c.port,
                 'tlsPort': c.tls_port, 'fqdn': c.name.lower() + '.example.com'}
        if account:
            given['account'] = dict(ACCOUNT, name=account)
            answer = Page(port).setup(told['code'], account, ACCOUNT['password'])
            if answer.status != 200:
                raise RuntimeError('%s: no account: %s' % (c.name, answer.body))
        else:
            given['code'] = told['code']
        self.clusters[c.name] = c
        self.given[c.name] = given
        return given

    def answer(self, node, lock, line):
        """What the browser's side asks of a daemon."""
        asked = json.loads(line)
        try:
            if asked['call'] not in CALLS:
                raise RuntimeError('no such call: ' + asked['call'])
            c = self.clusters[asked['cluster']]
            given = getattr(c, asked['call'])(*asked['args'])
            told = {'id': asked['id'], 'result': None if given is c else given}
        except Exception as error:  # it is the browser's side that fails
            told = {'id': asked['id'], 'error': str(error)}
        with lock:
            node.stdin.write(json.dumps(told) + '\n')
            node.stdin.flush()

    def run(self, **more):
        """Prints the TAP of the node side; its exit status."""
        node = subprocess.Popen(['node', os.path.join(HERE, self.program)] + sys.argv[1:],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        lock = threading.Lock()
        try:
            chromium = shutil.which('chromium')
            node.stdin.write(json.dumps(dict(more, chromium=chromium, clusters=self.given)) + '\n')
            node.stdin.flush()
            for line in node.stdout:
                if line.startswith('? '):
                    threading.Thread(target=self.answer, args=(node, lock, line[2:]),
                                     daemon=True).start()
                else:
                    print(line, end='', flush=True)
            return node.wait(20)
        finally:
            node.kill()
            node.wait()
