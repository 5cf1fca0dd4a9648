"""pki: authorities and certificates for system tests, sound ones and one for every flaw, made by
the openssl program.

    pki = Pki(folder)
    root = pki.authority('Root')
    leaf = pki.leaf('ils.example.com', root)       # leaf.file (with its chain), leaf.key
    own = pki.leaf('ils.example.com')              # self-signed
    flawed = pki.flawed('expired', 'ils.example.com')

Times are seconds from now. Nothing is shared between two calls, so that threads may make
certificates side by side.
"""
import os
import subprocess
import tempfile
import time

DAY = 86400
BOTH = ('serverAuth', 'clientAuth')

CONFIG = """
[ca]
default_ca = one
[one]
database = %(folder)s/index.txt
new_certs_dir = %(folder)s
default_md = sha256
default_days = 365
default_crl_days = 30
rand_serial = yes
unique_subject = no
policy = any
x509_extensions = extensions
[any]
commonName = supplied
[req]
distinguished_name = any_name
[any_name]
[extensions]
%(extensions)s
"""


def openssl(*words):
    run = subprocess.run(['openssl'] + [str(w) for w in words], stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, check=False)
    text = run.stdout.decode(errors='replace')
    if run.returncode != 0:
        raise RuntimeError('openssl %s: %s' % (' '.join(map(str, words)), text))
    return text


def moment(seconds):
    return time.strftime('%Y%m%d%H%M%SZ', time.gmtime(time.time() + seconds))


def read(path):
    with open(path, encoding='ascii') as handle:
        return handle.read()


class Certificate:
    """pem: the certificate alone; file: with the issuers that are sent along; key: PEM."""

    def __init__(self, name, stem, issuer):
        self.name, self.issuer = name, issuer
        self.pem, self.key, self.file = stem + '.pem', stem + '.key', stem + '.chain.pem'

    def chain(self):
        """Its issuers, the nearest first, without the root."""
        found, at = [], self.issuer
        while at is not None and at.issuer is not None:
            found.append(at)
            at = at.issuer
        return found

    def send(self, issuers):
        """What the file holds beside the certificate itself."""
        with open(self.file, 'w', encoding='ascii') as handle:
            handle.write(''.join(read(c.pem) for c in [self] + issuers))
        return self

    def fingerprint(self):
        out = openssl('x509', '-in', self.pem, '-noout', '-fingerprint', '-sha256')
        return out.strip().split('=')[1]


class Flawed:
    """A certificate with a flaw, what its verifier has in store, and what it must say of it."""

    def __init__(self, leaf, has, code, error, text, new_key=False):
        self.leaf, self.has, self.code, self.error = leaf, has, code, error
        self.text, self.new_key = text, new_key


class Pki:
    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        self.root = self.authority('Test Root')
        self.second = self.authority('Second Root')

    # --- making

    def _sign(self, name, issuer, extensions, start, end, key, digest):
        """One certificate; issuer None: signed by its own key. key: 'EC', a number of RSA bits, a
        Certificate whose key is kept, or the path of a request."""
        folder = tempfile.mkdtemp(dir=self.folder)
        made = Certificate(name, os.path.join(folder, 'one'), issuer)
        config, request = os.path.join(folder, 'config'), os.path.join(folder, 'one.csr')
        with open(config, 'w', encoding='ascii') as handle:
            handle.write(CONFIG % {'folder': folder, 'extensions': '\n'.join(extensions)})
        open(os.path.join(folder, 'index.txt'), 'w', encoding='ascii').close()
        subject = ['-config', config, '-subj', '/CN=' + name, '-out', request]
        if isinstance(key, Certificate):
            made.key = key.key
            openssl('req', '-new', '-key', made.key, *subject)
        elif key == 'EC' or isinstance(key, int):
            kind = (['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'] if key == 'EC'
                    else ['rsa:%d' % key])
            openssl('req', '-new', '-nodes', '-newkey', *kind, '-keyout', made.key, *subject)
        else:
            made.key, request = None, key
        signer = ['-selfsign', '-keyfile', made.key] if issuer is None else \
            ['-cert', issuer.pem, '-keyfile', issuer.key]
        openssl('ca', '-config', config, '-batch', '-notext', '-md', digest, '-in', request,
                '-out', made.pem, '-startdate', moment(start), '-enddate', moment(end), *signer)
        return made.send(made.chain())

    def authority(self, name, issuer=None, path_length=None, ca=True, start=-DAY, end=3650 * DAY):
        """ca False: it signs as an authority does, and is none."""
        length = '' if path_length is None else ',pathlen:%d' % path_length
        rows = ['basicConstraints = critical,CA:%s%s' % ('TRUE' if ca else 'FALSE', length),
                'subjectKeyIdentifier = hash']
        if ca:
            rows.append('keyUsage = critical,keyCertSign,cRLSign')
        return self._sign(name, issuer, rows, start, end, 'EC', 'sha256')

    def leaf(self, fqdn, issuer=None, names=(), purposes=BOTH, start=-3600, end=365 * DAY,
             key='EC', digest='sha256'):
        """names: more DNS names; issuer None: self-signed; key: see _sign."""
        rows = ['basicConstraints = critical,CA:FALSE', 'keyUsage = critical,digitalSignature',
                'extendedKeyUsage = ' + ','.join(purposes), 'subjectKeyIdentifier = hash',
                'subjectAltName = ' + ','.join('DNS:' + n for n in (fqdn,) + tuple(names))]
        if issuer is not None:
            rows.append('authorityKeyIdentifier = keyid')
        return self._sign(fqdn, issuer, rows, start, end, key, digest)

    def crl(self, issuer, revoked):
        """The path of the issuer's CRL, in PEM."""
        folder = tempfile.mkdtemp(dir=self.folder)
        config, path = os.path.join(folder, 'config'), os.path.join(folder, 'crl.pem')
        with open(config, 'w', encoding='ascii') as handle:
            handle.write(CONFIG % {'folder': folder, 'extensions': ''})
        open(os.path.join(folder, 'index.txt'), 'w', encoding='ascii').close()
        signer = ['-config', config, '-cert', issuer.pem, '-keyfile', issuer.key]
        for c in revoked:
            openssl('ca', *signer, '-revoke', c.pem)
        openssl('ca', *signer, '-gencrl', '-out', path)
        return path

    # --- flaws

    def flawed(self, flaw, fqdn):
        return getattr(self, 'flaw_' + flaw)(fqdn)

    def flaw_expired(self, fqdn):
        leaf = self.leaf(fqdn, self.root, start=-30 * DAY, end=-60)
        return Flawed(leaf, [self.root.pem], 'ILS-303', 10, 'certificate has expired')

    def flaw_expired_imported(self, fqdn):
        leaf = self.leaf(fqdn, start=-30 * DAY, end=-60)
        return Flawed(leaf, [leaf.pem], 'ILS-303', 10, 'certificate has expired')

    def flaw_expired_issuer(self, fqdn):
        middle = self.authority('Past Middle', self.root, start=-30 * DAY, end=-60)
        leaf = self.leaf(fqdn, middle)
        return Flawed(leaf, [self.root.pem], 'ILS-303', 10, 'certificate has expired')

    def flaw_not_yet_valid(self, fqdn):
        leaf = self.leaf(fqdn, self.root, start=DAY, end=30 * DAY)
        return Flawed(leaf, [self.root.pem], 'ILS-310', 9, 'certificate is not yet valid')

    def flaw_revoked(self, fqdn):
        issuer = self.authority('Revoking')
        leaf = self.leaf(fqdn, issuer)
        return Flawed(leaf, [issuer.pem, self.crl(issuer, [leaf])], 'ILS-304', 23,
                      'certificate revoked', new_key=True)

    def flaw_revoked_imported(self, fqdn):
        issuer = self.authority('Revoking')
        leaf = self.leaf(fqdn, issuer)
        return Flawed(leaf, [leaf.pem, self.crl(issuer, [leaf])], 'ILS-304', 23,
                      'certificate revoked', new_key=True)

    def flaw_no_client_purpose(self, fqdn):
        leaf = self.leaf(fqdn, self.root, purposes=['serverAuth'])
        return Flawed(leaf, [self.root.pem], 'ILS-306', 26, 'unsuitable certificate purpose')

    def flaw_no_server_purpose(self, fqdn):
        leaf = self.leaf(fqdn, self.root, purposes=['clientAuth'])
        return Flawed(leaf, [self.root.pem], 'ILS-306', 26, 'unsuitable certificate purpose')

    def flaw_weak_key(self, fqdn):
        leaf = self.leaf(fqdn, self.root, key=1024)
        return Flawed(leaf, [self.root.pem], 'ILS-311', 66, 'EE certificate key too weak',
                      new_key=True)

    def flaw_no_intermediate(self, fqdn):
        leaf = self.leaf(fqdn, self.authority('Middle', self.root)).send([])
        return Flawed(leaf, [self.root.pem], 'ILS-302', 20,
                      'unable to get local issuer certificate')

    def flaw_issuer_no_ca(self, fqdn):
        leaf = self.leaf(fqdn, self.authority('No Authority', self.root, ca=False))
        return Flawed(leaf, [self.root.pem], 'ILS-312', 79, 'invalid CA certificate')

    def flaw_path_too_long(self, fqdn):
        short = self.authority('Short', self.root, path_length=0)
        leaf = self.leaf(fqdn, self.authority('One Too Many', short))
        return Flawed(leaf, [self.root.pem], 'ILS-313', 25, 'path length constraint exceeded')


FLAWS = sorted(name[5:] for name in dir(Pki) if name.startswith('flaw_'))
