"""fake: a control socket that says what a test wants, and ils before it.

    with Fake() as d:
        d.answers['status'] = {'health': 'healthy'}             # or a function of the request
        status, out, err = d.ils('status', lang='ja_JP.UTF-8')

An answer is a result; an Answer says more (ok, exit, lines before it). Every request is kept in
.asked, its content under 'content'.
"""
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..'))
BUILD = os.path.abspath(os.environ.get('ILS_BUILD', os.path.join(ROOT, 'build')))
ILS = os.path.join(BUILD, 'src', 'cli', 'ils')
sys.path.insert(0, os.path.join(ROOT, 'test', 'system'))


class Answer:
    def __init__(self, result=None, status=0, error=None, before=()):
        self.before = before
        self.line = {'ok': error is None, 'exit': status}
        if error is None:
            self.line['result'] = result
        else:
            self.line['error'] = dict({'name': 'NAME', 'text': '', 'next': None, 'where': None,
                                       'more': []}, **error)


class Fake:
    def __enter__(self):
        self.data = tempfile.mkdtemp(prefix='ils-fake-')
        self.answers, self.asked = {}, []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(os.path.join(self.data, 'control.sock'))
        self.listener.listen(8)
        self.accepting = threading.Thread(target=self.accept, daemon=True)
        self.accepting.start()
        return self

    def __exit__(self, *error):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.accepting.join() # or it might go on at the next one's listener, by the same number
        self.listener.close()
        shutil.rmtree(self.data)

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with client, client.makefile('rb') as lines:
            for line in lines:
                request = json.loads(line)
                request['content'] = lines.read(request.get('bytes', 0))
                self.asked.append(request)
                answer = self.answers.get(request['command'], {'text': 'OK'})
                if callable(answer):
                    answer = answer(request)
                if not isinstance(answer, Answer):
                    answer = Answer(answer)
                for said in list(answer.before) + [answer.line]:
                    client.sendall(json.dumps(said).encode() + b'\n')

    def environment(self, lang='C'):
        env = {k: v for k, v in os.environ.items()
               if not k.startswith('LC_') and k not in ('LANG', 'LANGUAGE')}
        return dict(env, ILS_DATA=self.data, LANG=lang)

    def start(self, *words, lang='C'):
        return subprocess.Popen([ILS, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, env=self.environment(lang),
                                encoding='utf-8', cwd=self.data)

    def typed(self, *words, answer, lang='C'):
        """At a terminal, where `answer` is typed: exit status, and all that stands there then."""
        terminal, other = os.openpty()
        process = subprocess.Popen([ILS, *words], stdin=other, stdout=other, stderr=other,
                                   env=dict(self.environment(lang), NO_COLOR='1'), cwd=self.data)
        os.close(other)
        os.write(terminal, answer.encode())
        said = b''
        while True:
            try:
                part = os.read(terminal, 4096)
            except OSError:
                part = b''
            if not part:
                break
            said += part
        os.close(terminal)
        return process.wait(60), said.decode()

    def ils(self, *words, lang='C', stdin=b''):
        run = subprocess.run([ILS, *words], input=stdin, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, env=self.environment(lang), timeout=60,
                             check=False, cwd=self.data)
        return run.returncode, run.stdout.decode(), run.stderr.decode()
