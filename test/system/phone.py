"""phone: baresip, a telephone that asks ilsd and follows the answer by itself."""
import os
import pty
import re
import select
import shutil
import socket
import subprocess
import sys
import time
import wave

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'call'))
from telephony import free_udp_port


def sound(path):
    with wave.open(path, 'wb') as out:
        out.setparams((1, 2, 8000, 8000, 'NONE', ''))
        out.writeframes(b'\0\0' * 8000)


def free_ports():
    """A port for UDP and TCP, and the next for TLS, as baresip takes them."""
    while True:
        port = free_udp_port()
        try:
            for one in (port, port + 1):
                with socket.socket() as s:
                    s.bind(('127.0.0.1', one))
            return port
        except OSError:
            pass


class Baresip:
    """A telephone; what it says goes to a terminal of its own, so that it comes at once."""

    def __init__(self, net, account=''):
        self.folder = os.path.join(net.folder, 'baresip')
        shutil.rmtree(self.folder, ignore_errors=True)
        os.mkdir(self.folder)
        self.port = free_ports()
        sound(os.path.join(self.folder, 'sound.wav'))
        self.write('config', 'sip_listen 127.0.0.1:%d\naudio_source aufile,%s/sound.wav\n'
                   'module_path /usr/lib/baresip/modules\nmodule stdio.so\nmodule g711.so\n'
                   'module aufile.so\nmodule_tmp account.so\nmodule_app menu.so\n' %
                   (self.port, self.folder))
        self.write('accounts', '<sip:1001@127.0.0.1:%d>;regint=0%s\n' % (self.port, account))
        self.write('contacts', '')
        self.said = ''

    def write(self, name, text):
        with open(os.path.join(self.folder, name), 'w', encoding='ascii') as handle:
            handle.write(text)

    def call(self, uri, until, seconds=20):
        """Dials, and reads what is said until the pattern appears; whether it did."""
        near, far = pty.openpty()
        process = subprocess.Popen(['baresip', '-f', self.folder, '-s', '-e', '/dial ' + uri],
                                   stdin=far, stdout=far, stderr=far, cwd=self.folder,
                                   env=dict(os.environ, HOME=self.folder))
        os.close(far)
        end = time.monotonic() + seconds
        while not re.search(until, self.said) and time.monotonic() < end:
            if select.select([near], [], [], 0.1)[0]:
                try:
                    self.said += os.read(near, 65536).decode(errors='replace')
                except OSError:
                    break
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(near)
        return re.search(until, self.said) is not None

    def asked(self):
        """The ports that an INVITE went to, in order."""
        return [int(p) for p in re.findall(r'-> 127\.0\.0\.1:(\d+)\r*\nINVITE ', self.said)]
