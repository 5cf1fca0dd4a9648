/* methods: the four ways of joining, by people at two fresh clusters, who have their setup codes,
 * and what their authority sent them (test_methods.py). */
import { daemon, given, ok, play, same } from './harness.mjs';

const SECRET = 'one password for all';
const TLS = 'Use TLS Certificates';
const PASSWORD = 'Use Password';

/* Two people, each at a cluster that is set up and has its name. */
async function meet(come, way) {
    const [c, s] = [await come(`${way}-c`), await come(`${way}-s`)];
    await Promise.all([c, s].map(async p => {
        await p.setUp({ name: 'ann', password: 'correct horse battery' });
        await p.name();
    }));
    return [c, s];
}

function address(person, port) {
    return `${person.where.address}:${person.where[port]}`;
}

async function joined(c, s, how, method) {
    await Promise.all([c.turn('config'), s.turn('config')]);
    await Promise.all([
        c.reads(s.where.name, 'Up to date'),
        s.reads(c.where.name, 'Up to date'),
        c.page.getByText(/^ILS-100 · /).first().waitFor(),
    ]);
    ok(true, `${how}: both tables read Up to date`);
    const [last] = await daemon(c.where.name, 'json', 'verdicts');
    same([last.code, last.method], ['ILS-100', method], `${how}: by ${method}`);
}

async function password(come) {
    const [c, s] = await meet(come, 'password');
    const boxes = { [TLS]: false, [PASSWORD]: true };
    await s.configure({ role: 'Hub Cluster', boxes, password: SECRET });
    await c.configure({ role: 'Spoke Cluster', server: address(s, 'port'), boxes,
        password: SECRET });
    await joined(c, s, 'Use Password', 'password');
}

/* The control of all these: two who do the same with two passwords are told so, and no table reads
 * what the others wait for. */
async function control(come) {
    const [c, s] = await meet(come, 'control');
    const boxes = { [TLS]: false, [PASSWORD]: true };
    await s.configure({ role: 'Hub Cluster', boxes, password: SECRET });
    await c.configure({ role: 'Spoke Cluster', server: address(s, 'port'), boxes,
        password: `${SECRET}, but another` });
    await Promise.all([c, s].map(p => p.page.getByText(/^ILS-201 · /).first().waitFor()));
    for (const [p, other] of [[c, s], [s, c]])
        same(await p.row(other.where.name).filter({ hasText: 'Up to date' }).count() +
            await p.page.getByText(/^ILS-100 · /).count(), 0,
        `the control: with two passwords ${p.where.name} has not joined`);
}

/* Each saves its own certificate as a file, and imports the other's. */
async function tls(come) {
    const [c, s] = await meet(come, 'tls');
    const boxes = { [TLS]: true, [PASSWORD]: false };
    const [ofC, ofS] = await Promise.all([c.saveCertificate(), s.saveCertificate()]);
    await Promise.all([c.trust(ofS), s.trust(ofC)]);
    await s.configure({ role: 'Hub Cluster', boxes });
    await c.configure({ role: 'Spoke Cluster', server: address(s, 'tlsPort'), boxes });
    await joined(c, s, 'Use TLS Certificates', 'tls');
}

async function signed(c, s) {
    for (const p of [c, s]) {
        await p.install(given.certificates[p.where.name]);
        await p.trust(given.root);
    }
}

async function both(come) {
    const [c, s] = await meet(come, 'both');
    const boxes = { [TLS]: true, [PASSWORD]: true };
    await signed(c, s);
    await s.configure({ role: 'Hub Cluster', boxes, password: SECRET });
    await c.configure({ role: 'Spoke Cluster', server: address(s, 'tlsPort'), boxes,
        password: SECRET });
    await joined(c, s, 'Use TLS Certificates and Use Password', 'tls+password');
}

/* Joined by the password first; then the boxes. The hub goes on accepting the password until the
 * spoke has changed as well. */
async function change(come) {
    const [c, s] = await meet(come, 'switch');
    const first = { [TLS]: false, [PASSWORD]: true };
    const then = { [TLS]: true, [PASSWORD]: false };
    await s.configure({ role: 'Hub Cluster', boxes: first, password: SECRET });
    await c.configure({ role: 'Spoke Cluster', server: address(s, 'port'), boxes: first,
        password: SECRET });
    await joined(c, s, 'a password first', 'password');
    await signed(c, s);
    const accepted = s.page.getByRole('group', { name: 'Accepted from those who dial' });
    await s.turn('config');
    await s.check(TLS, true);
    await s.check(PASSWORD, false);
    await accepted.getByLabel('Password', { exact: true }).check();
    await s.configure({});
    await c.configure({ boxes: then, preview: async dialog => {
        ok(await dialog.getByText('1 can come back, 0 cannot').count(),
            'what Save says before: the hub can come back', await dialog.innerText());
    } });
    const method = c.page.locator('.notice', { hasText: 'ILS-100' }).first()
        .locator('dt:text-is("Method") + dd');
    await method.filter({ hasText: /tls/i }).waitFor();
    await joined(c, s, 'then switched to TLS by the boxes', 'tls');
    await s.turn('config');
    await accepted.getByLabel('Password', { exact: true }).uncheck();
    await s.configure({});
    await joined(c, s, 'and the password is accepted no more', 'tls');
}

await play({ password, tls, both, switch: change, control }, 2);
